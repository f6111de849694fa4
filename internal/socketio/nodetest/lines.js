'use strict'
// Lines of JSON on stdin and stdout, in which binary is {"$binary": "<base64>"}.
const readline = require('readline')

// toWire returns a value as it goes out.
function toWire(value) {
  if (value instanceof ArrayBuffer) return { $binary: Buffer.from(value).toString('base64') }
  if (ArrayBuffer.isView(value)) {
    return { $binary: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  }
  if (Array.isArray(value)) return value.map(toWire)
  if (value && typeof value === 'object' && typeof value.toJSON !== 'function') return mapped(value, toWire)
  return value
}

// fromWire returns a value that came in.
function fromWire(value) {
  if (Array.isArray(value)) return value.map(fromWire)
  if (!value || typeof value !== 'object') return value
  if (typeof value.$binary === 'string') return Buffer.from(value.$binary, 'base64')
  return mapped(value, fromWire)
}

function mapped(object, change) {
  const out = {}
  for (const [key, value] of Object.entries(object)) out[key] = change(value)
  return out
}

function say(line) {
  process.stdout.write(JSON.stringify(toWire(line)) + '\n')
}

// obey hands each line to the function that it names in do. A line with a call
// gets an answer. The end of the lines is the end of the process.
function obey(commands) {
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity })
  lines.on('line', async (text) => {
    const line = fromWire(JSON.parse(text))
    try {
      const result = await commands[line.do](line)
      if (line.call) say({ call: line.call, result: result === undefined ? null : result })
    } catch (err) {
      if (line.call) say({ call: line.call, error: err.message })
      else throw err
    }
  })
  lines.on('close', () => process.exit(0))
}

module.exports = { say, obey }
