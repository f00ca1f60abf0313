// SSH keys of a job (trust-model.md §4.1): held by an agent of the runner, each for the hosts it was put for. The job gets a
// socket to ask for signatures and the host keys, never a key. One agent for a job, from its first `ssh-keys` step to its end.
import { utf8 } from '../../base/bytes.ts'
import { Secret } from '../../base/secret.ts'
import type { PlanSshKeysStep } from '../../protocol/plan.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import { jobUser } from '../sandbox-spec.ts'
import { openSshAgent, type SshAgent } from '../ssh-agent.ts'
import type { JobSecret } from './deliver-secrets.ts'
import { putFile } from './put-file.ts'

export type JobAgent = {
  /** For steps; null before any key was added. */
  readonly current: () => SshAgent | null
  /** What to say about it; `ok` false: the job cannot have what the step wants. */
  readonly add: (step: PlanSshKeysStep, id: string, signal: AbortSignal) => Promise<Added>
  readonly close: () => Promise<void>
}

type Added = { readonly ok: boolean; readonly lines: readonly string[] }

type Of = {
  readonly secrets: readonly JobSecret[]
  readonly sandbox: Sandbox
  readonly agentDirectory: string
  /** No key is held longer. */
  readonly timeoutMs: number
}

export const createJobAgent = (of: Of): JobAgent => {
  const keys = of.secrets.filter(({ kind }) => kind === 'ssh')
  const held = new Set<string>()
  let agent: SshAgent | null = null
  return {
    current: () => agent,
    add: async ({ fingerprints }, id, signal) => {
      const wanted = await pick(of, keys, fingerprints)
      if (!wanted.ok) return wanted
      const fresh = wanted.keys.filter(({ name }) => !held.has(name))
      if (fresh.length > 0) agent ??= await openSshAgent(of.agentDirectory)
      for (const key of fresh) {
        if (!(await agent?.add(forAgent(of, key)))) return { ok: false, lines: [noKey(key)] }
        held.add(key.name)
      }
      await tellHosts(of.sandbox, { id, hosts: fresh.flatMap(({ hosts = [] }) => hosts) }, signal)
      const lines = wanted.keys.map(({ name, hosts = [] }) => `${name}, for ${namesOf(hosts)}`)
      return { ok: true, lines: lines.length > 0 ? lines : [none] }
    },
    close: async () => agent?.close(),
  }
}

const none = 'there is no SSH key that this job may have: nothing was added'

type Picked =
  | { readonly ok: true; readonly keys: readonly JobSecret[] }
  | { readonly ok: false; readonly lines: readonly string[] }

/** Which key is which an agent of its own says, so that the job's never holds one that nobody asked for. */
const pick = async (
  of: Of,
  keys: readonly JobSecret[],
  wanted: readonly string[] | null,
): Promise<Picked> => {
  if (wanted === null) return { ok: true, keys }
  const found = new Map<string, JobSecret>()
  const agent = keys.length === 0 ? null : await openSshAgent(of.agentDirectory)
  try {
    for (const key of keys) {
      if (!(await agent?.add(forAgent(of, key)))) return { ok: false, lines: [noKey(key)] }
      const print = (await agent?.fingerprints())?.at(-1)
      for (const text of [print?.sha256, print?.md5, `MD5:${print?.md5}`]) found.set(text ?? '', key)
    }
  } finally {
    await agent?.close()
  }
  const missing = wanted.filter((text) => !found.has(text))
  if (missing.length > 0) {
    const lines = missing.map((text) => `no SSH key that this job may have has the fingerprint ${text}`)
    return { ok: false, lines }
  }
  return { ok: true, keys: keys.filter((key) => wanted.some((text) => found.get(text) === key)) }
}

const forAgent = ({ timeoutMs }: Of, { value, hosts = [] }: JobSecret) => ({
  key: new Secret(Buffer.from(value.reveal('to the agent of a job')).toString('latin1')),
  ...{ hosts, seconds: Math.ceil(timeoutMs / 1_000) },
})

const noKey = ({ name }: JobSecret): string =>
  `the secret ${name} is no SSH key without passphrase, or the lines of its hosts hold no keys that ssh knows`

const namesOf = (hosts: readonly string[]): string =>
  [...new Set(hosts.map((line) => line.split(' ')[0] ?? ''))].join(', ')

/** So that the job's own ssh knows the hosts that its keys are for. */
const tellHosts = async (
  sandbox: Sandbox,
  { id, hosts }: { readonly id: string; readonly hosts: readonly string[] },
  signal: AbortSignal,
): Promise<void> => {
  if (hosts.length === 0) return
  const content = utf8(`${hosts.join('\n')}\n`)
  await putFile(sandbox, { id, path: `${jobUser.home}/.ssh/known_hosts`, content, how: 'append' }, signal)
}
