'use strict'
// Drives socket.io-client for a test: what it shall do comes in by lines, what
// happens to its sockets goes out by lines.
const { io } = require('socket.io-client')
const { say, obey } = require('./lines')

const sockets = new Map()
const acks = new Map()
let lastAck = 0

function open({ client, url, options }) {
  const socket = io(url, { ...options, autoConnect: false })
  sockets.set(client, socket)
  tell(client, socket)
  tellOfEngine(client, socket.io)
  socket.connect()
}

function tell(client, socket) {
  const event = (what, ...args) => say({ client, what, args })
  socket.on('connect', () => event('connect', state(socket)))
  socket.on('connect_error', (err) => event('connect_error', err.message, err.data === undefined ? null : err.data))
  socket.on('disconnect', (reason) => event('disconnect', reason))
  socket.onAny((name, ...args) => {
    const last = args[args.length - 1]
    if (typeof last !== 'function') return say({ client, name, args })
    acks.set(++lastAck, last)
    say({ client, name, args: args.slice(0, -1), ack: lastAck })
  })
}

function tellOfEngine(client, manager) {
  const listen = () => {
    say({ client, what: 'open', args: [manager.engine.transport.name] })
    manager.engine.on('upgrade', (transport) => say({ client, what: 'upgrade', args: [transport.name] }))
  }
  if (manager.engine && manager.engine.readyState === 'open') listen()
  manager.on('open', listen)
  manager.on('reconnect_attempt', (n) => say({ client, what: 'reconnect_attempt', args: [n] }))
}

function state(socket) {
  const engine = socket.io.engine
  return {
    id: socket.id || '',
    connected: socket.connected,
    active: socket.active,
    recovered: Boolean(socket.recovered),
    engine: (engine && engine.id) || '',
    transport: (engine && engine.transport && engine.transport.name) || ''
  }
}

function emit({ client, name, args, volatile }) {
  const socket = sockets.get(client)
  const sender = volatile ? socket.volatile : socket
  sender.emit(name, ...args)
}

function ask({ client, name, args, timeout }) {
  return new Promise((resolve, reject) => {
    sockets.get(client).timeout(timeout).emit(name, ...args, (err, ...values) => (err ? reject(err) : resolve(values)))
  })
}

function reply({ ack, args }) {
  const answer = acks.get(ack)
  acks.delete(ack)
  answer(...args)
}

obey({
  open,
  emit,
  ask,
  reply,
  state: ({ client }) => state(sockets.get(client)),
  auth: ({ client, auth }) => { sockets.get(client).auth = auth },
  connect: ({ client }) => { sockets.get(client).connect() },
  disconnect: ({ client }) => { sockets.get(client).disconnect() },
  drop: ({ client }) => { sockets.get(client).io.engine.close() },
  cut: ({ client }) => cut(sockets.get(client).io.engine.transport),
  forget: ({ client }) => { sockets.delete(client) }
})

// cut breaks the connection of a websocket, which a client that loses the
// network does: nobody says good-bye.
function cut(transport) {
  if (transport.name !== 'websocket') throw new Error('only a websocket can be cut, and this is ' + transport.name)
  transport.ws.terminate()
}
