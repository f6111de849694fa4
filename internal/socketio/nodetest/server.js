'use strict'
// A reference server: socket.io with its own adapter and ws. It does what its
// clients ask by events, and what the test asks by lines.
const http = require('http')
const { Server } = require('socket.io')
const { say, obey } = require('./lines')

const options = JSON.parse(process.argv[2] || '{}')
const server = http.createServer()
const io = new Server(server, options)

io.on('connection', serve)
io.of('/desk').on('connection', serve)
io.of('/closed').use((socket, next) => {
  const err = new Error('closed')
  err.data = { until: 8, asked: socket.handshake.auth }
  next(err)
})

const own = {
  // whoami tells what the client came with.
  whoami: (socket, ack) => ack({ auth: socket.handshake.auth, headers: socket.handshake.headers, query: socket.handshake.query }),
  // count sends n numbered events.
  count: (socket, n) => { for (let i = 0; i < n; i++) socket.emit('number', i) },
  // question asks the client and tells it what it answered.
  question: async (socket, within, ...args) => {
    try {
      socket.emit('answered', await socket.timeout(within).emitWithAck('question', ...args))
    } catch (err) {
      socket.emit('unanswered', err.message)
    }
  },
  join: (socket, room, ack) => { socket.join(room); ack() },
  room: (socket, room, ...args) => io.of(socket.nsp.name).to(room).emit('room', ...args),
  silence: () => {},
  leave: (socket, whole) => socket.disconnect(whole),
  cut: (socket) => socket.conn.close()
}

// serve answers events that have no meaning of their own with what they bring.
function serve(socket) {
  socket.onAny((name, ...args) => {
    if (own[name]) return own[name](socket, ...args)
    const last = args[args.length - 1]
    if (typeof last === 'function') return last(...args.slice(0, -1))
    socket.emit(name, ...args)
  })
}

server.listen(0, '127.0.0.1', () => say({ url: 'http://127.0.0.1:' + server.address().port }))

obey({
  // broadcast sends an event to everybody, with the time in milliseconds before its arguments.
  broadcast: ({ name, args }) => { io.emit(name, performance.timeOrigin + performance.now(), ...args) },
  clients: () => io.engine.clientsCount,
  collect: () => global.gc(),
  stop: () => new Promise((resolve) => io.close(() => resolve()))
})
