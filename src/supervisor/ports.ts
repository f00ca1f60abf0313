// Is a port free? Said before anything is started, with the option that chooses another.
import { createServer } from 'node:net'
import { fault } from '../base/faults.ts'

export const findFreePort = async (port: number, option: string): Promise<void> => {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', () =>
      reject(
        fault('E_PORT_TAKEN', {
          public: `Port ${port} is taken by another program. Choose another with ${option} N.`,
        }),
      ),
    )
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}
