// The secrets of a job on their way into its steps (trust-model.md §4.1): a value as a variable of the step, a file as
// a file in the job's memory with its path in the variable (SSH keys: ssh-keys.ts). Both travel by pipe into the cell: never on
// a command line, and never in the environment of a process of ours.
import { isUtf8 } from 'node:buffer'
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { ReleasedSecret } from '../../protocol/released.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import { putFile } from './put-file.ts'

export type JobSecret = {
  readonly name: string
  readonly kind: ReleasedSecret['kind']
  readonly value: Secret<Uint8Array>
  /** Of an SSH key: the hosts it is for. */
  readonly hosts?: readonly string[]
}

export type SecretVariables = ReadonlyMap<string, Secret<string> | string>

/** Inside the sandbox; only the job's user may enter. */
const directory = '/tmp/.mayfly-secrets'

/** What every `run` step gets; the files are written before the first one begins. */
export const createDelivery = (
  secrets: readonly JobSecret[],
  sandbox: Sandbox,
): ((signal: AbortSignal) => Promise<SecretVariables>) => {
  let delivered: Promise<SecretVariables> | null = null
  return (signal) => {
    delivered ??= deliver(secrets, sandbox, signal)
    return delivered
  }
}

const deliver = async (
  secrets: readonly JobSecret[],
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<SecretVariables> => {
  const variables = new Map<string, Secret<string> | string>()
  for (const [at, secret] of secrets.entries()) {
    // No step gets it: an agent signs with it (ssh-keys.ts).
    if (secret.kind === 'ssh') continue
    variables.set(
      secret.name,
      secret.kind === 'env' ? textOf(secret) : await writeFile(secret, `secret-${at + 1}`, sandbox, signal),
    )
  }
  return variables
}

const textOf = ({ name, value }: JobSecret): Secret<string> => {
  const bytes = value.reveal('variable of a step')
  if (!isUtf8(bytes))
    throw fault('E_INPUT', { public: `The secret ${name} is not text: it can only be given as a file.` })
  return new Secret(Buffer.from(bytes).toString('utf8'))
}

const writeFile = async (
  { name, value }: JobSecret,
  id: string,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<string> => {
  const path = `${directory}/${name}`
  const content = Buffer.from(value.reveal('file of a job, by pipe into its cell'))
  if (!(await putFile(sandbox, { id, path, content }, signal)) && !signal.aborted)
    throw fault('E_EXEC_FAILED', { public: `The secret ${name} could not be written into the sandbox.` })
  return path
}
