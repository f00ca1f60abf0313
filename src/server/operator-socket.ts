// Listens on the local socket that only the server's own user may open. A socket that a crash left behind is removed;
// one that still answers belongs to a server that runs.
import { chmod, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { fault } from '../base/faults.ts'

export const listenOnSocket = async (app: FastifyInstance, path: string): Promise<void> => {
  if (await answers(path)) throw fault('E_ALREADY_RUNNING', { detail: `somebody answers on ${path}` })
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  // The umask of the program makes it 0600 from its first moment; chmod says so where the umask is another.
  await app.listen({ path })
  await chmod(path, 0o600)
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    const done = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.setTimeout(1_000, () => done(true))
  })
