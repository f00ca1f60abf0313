// Secrets for `mayfly run`, from this person's own hands: a hidden question, a variable of that name, a file. A value never
// stands on a command line. They reach steps as secrets of a project do, and are masked the same way.

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { ReleasedSecret } from '../../protocol/released.ts'
import { secretName } from '../../protocol/statement.ts'
import { unmaskable } from '../../runner/index.ts'
import { askHidden } from '../everywhere.ts'
import { withoutLineEnd } from '../line-end.ts'
import type { Surroundings } from '../surroundings.ts'
import { readVariables } from './variables.ts'

export type SecretFlags = { readonly secret: readonly string[]; readonly secretFile?: string }

/** As a vault would release them. */
export const readSecrets = async (
  around: Surroundings,
  { secret, secretFile }: SecretFlags,
): Promise<readonly ReleasedSecret[]> => {
  const lines = secretFile === undefined ? [] : await readVariables(around.cwd, secretFile)
  const secrets = lines.map(([name, value]) => released(name, 'env', utf8(value)))
  for (const word of secret) secrets.push(await readSecret(around, word))
  return secrets
}

/** Their names. */
export const unmaskableOf = (secrets: readonly ReleasedSecret[]): readonly string[] =>
  unmaskable(secrets.map(({ name, value }) => ({ name, value: fromBase64Url(value) ?? new Uint8Array(0) })))

const readSecret = async (around: Surroundings, word: string): Promise<ReleasedSecret> => {
  const [, name = '', path] = /^([^=]*)(?:=@(.+))?$/s.exec(word) ?? []
  // What stands behind the name may be the secret itself: it is not repeated.
  if (!parseShape(secretName, name).ok)
    throw fault('E_INPUT', {
      public: `-s ${word.split('=')[0]}: give a name, or NAME=@FILE; a value here would stand in the process list`,
    })
  if (path !== undefined) {
    const bytes = await readFile(resolve(around.cwd, path)).catch((cause: unknown) => {
      throw fault('E_INPUT', { public: `${path} cannot be read`, cause })
    })
    return released(name, 'file', bytes)
  }
  const known = around.environment[name]
  const bytes =
    known === undefined
      ? withoutLineEnd(
          await askHidden(
            around,
            `value of ${name}`,
            `with -s ${name}=@FILE, --secret-file FILE or a variable of that name`,
          ),
        )
      : utf8(known)
  if (bytes.length === 0)
    throw fault('E_INPUT', {
      public: `${name} has no value: set a variable of that name, or use --secret-file`,
    })
  return released(name, 'env', bytes)
}

const released = (name: string, kind: 'env' | 'file', bytes: Uint8Array): ReleasedSecret => ({
  ...{ name, kind, value: toBase64Url(bytes) },
})
