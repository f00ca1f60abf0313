// The agent of one fetch: holds one deploy key, for two minutes, usable against the pinned host only.
import { fault } from '../../base/faults.ts'
import type { Secret } from '../../base/secret.ts'
import { agentKeySeconds } from '../limits.ts'
import { openSshAgent, type SshAgent } from '../ssh-agent.ts'
import { hostAlias } from './git-scripts.ts'

export const openDeployAgent = async (options: {
  readonly directory: string
  readonly key: Secret<string>
  /** Lines `<name> <type> <base64>`. */
  readonly hostKeys: readonly string[]
}): Promise<SshAgent> => {
  const { directory, key, hostKeys } = options
  const agent = await openSshAgent(directory)
  const isHeld = await agent.add({ key, hosts: hostKeys.map(underAlias), seconds: agentKeySeconds })
  if (isHeld) return agent
  await agent.close()
  throw fault('E_EXEC_FAILED', { detail: 'ssh-add of a deploy key' })
}

/** `<any name> <type> <base64>` as a line for the one name we use. */
export const underAlias = (line: string): string =>
  `${hostAlias} ${line.trim().split(/\s+/).slice(-2).join(' ')}`
