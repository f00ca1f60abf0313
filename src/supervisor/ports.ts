// Is a port free? Said before anything is started or stopped, with what chooses another.
import { createServer } from 'node:net'
import { fault } from '../base/faults.ts'
import type { Layout } from './layout.ts'
import type { Settings } from './settings.ts'

/** `choice`: how another one is named. */
export const findFreePort = async (port: number, choice: string): Promise<void> => {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', () =>
      reject(
        fault('E_PORT_TAKEN', {
          public: `Port ${port} is taken by another program. Choose another with ${choice}.`,
        }),
      ),
    )
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}

/** `old`: what runs holds it and is stopped first; undefined: not known. */
export const findFreeMetricsPort = async (
  { metrics }: Pick<Settings, 'metrics'>,
  layout: Pick<Layout, 'settings'>,
  old?: number | null,
): Promise<void> => {
  if (metrics.port !== undefined && metrics.port !== old)
    await findFreePort(metrics.port, `metrics.port in ${layout.settings}`)
}
