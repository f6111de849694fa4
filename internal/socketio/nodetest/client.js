'use strict'
// Drives socket.io-client for a test: what it shall do comes in by lines, what
// happens to its sockets goes out by lines.
const { io } = require('socket.io-client')
const { say, obey } = require('./lines')

const sockets = new Map()
const watched = new Map()
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

// watch lets a client do what docs/sockets.md tells pages to do: it subscribes to
// a topic from what it knows each time it connects. What it is told is kept here,
// and not said in a line for each event.
function watch({ client, name: topic }) {
  const socket = sockets.get(client)
  const seen = { from: null, last: undefined, seqs: [], again: [], absences: [], waiting: [] }
  watched.set(client, seen)
  socket.offAny()
  const know = (seq) => {
    seen.last = seq
    seen.waiting = seen.waiting.filter((w) => w.seq > seq || w.resolve())
  }
  socket.on('changed', ({ seq }) => {
    seen.seqs.push(seq)
    know(seq)
  })
  socket.on('connect', () => {
    const away = seen.absences.at(-1)
    if (away && !away.back) Object.assign(away, { back: Date.now(), recovered: Boolean(socket.recovered) })
    socket.emit('subscribe', { topic, since: seen.last }, ({ seq, resync }) => {
      if (seq === undefined) return // from a server that only says back what it is told
      if (seen.from === null) seen.from = seq
      if (resync) seen.again.push([seen.last, seq])
      know(seq)
    })
  })
  socket.on('disconnect', (reason) => seen.absences.push({ reason, lost: Date.now(), tries: 0 }))
  socket.io.on('reconnect_attempt', () => { if (seen.absences.length) seen.absences.at(-1).tries++ })
}

// reach waits until a client that watches knows of a change, and all before it.
function reach({ client, seq }) {
  const seen = watched.get(client)
  return new Promise((resolve) => {
    if (seen.last >= seq) resolve()
    else seen.waiting.push({ seq, resolve })
  })
}

function told({ client }) {
  const { from, seqs, again, absences } = watched.get(client)
  return { from, seqs, again, absences }
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
  watch,
  reach,
  told,
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
