// What may reach a private ssh-agent from inside a cell (draft-miller-ssh-agent): messages of a length and a type. Whatever else
// somebody asks becomes a message that no agent knows, which it answers with a failure in its own turn.
import { Transform } from 'node:stream'

/** List the keys, sign, and bind to a session, without which a key that is held for one host signs for none. */
const allowed = { list: 11, sign: 13, extension: 27 } as const
const sessionBind = Buffer.from('session-bind@openssh.com')
const messageMax = 256 * 1024
const unknown = Buffer.from([0, 0, 0, 1, 0xff])

export const agentFilter = (): Transform => {
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      while (held.length >= 4) {
        const size = held.readUInt32BE(0)
        if (size === 0 || size > messageMax) return done(new Error('no message of an agent'))
        if (held.length < 4 + size) break
        const message = held.subarray(0, 4 + size)
        held = held.subarray(4 + size)
        this.push(isAllowed(message.subarray(4)) ? message : unknown)
      }
      done()
    },
  })
}

const isAllowed = (body: Buffer): boolean => {
  if (body[0] !== allowed.extension) return body[0] === allowed.list || body[0] === allowed.sign
  return (
    body.length >= 5 + sessionBind.length &&
    body.readUInt32BE(1) === sessionBind.length &&
    body.subarray(5, 5 + sessionBind.length).equals(sessionBind)
  )
}
