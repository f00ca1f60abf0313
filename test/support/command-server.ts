// A server on loopback that answers what the command line asks, for as long as the tests of a file run.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before } from 'node:test'
import { type CommandOptions, type CommandResult, runCommand } from './surroundings.ts'

/** Runs commands whose server is `answer`. To be called once, beside the tests. */
export const commandsAnsweredBy = (
  answer: RequestListener,
): ((words: readonly string[], options?: CommandOptions) => Promise<CommandResult>) => {
  const server = createServer(answer)
  let environment: Readonly<Record<string, string>> = {}
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    environment = { MAYFLY_URL: `http://127.0.0.1:${port}`, MAYFLY_TOKEN: 'mfp_x' }
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (words, options = {}) =>
    runCommand(words, { ...options, environment: { ...options.environment, ...environment } })
}
