// Secrets of a project of the installation under test, put as a person puts them: through the CLI, signed by a key that the
// operator's code enrolled.
import { createHash } from 'node:crypto'
import { type CliResult, runCli } from '../test/support/installation.ts'

export type SecretsOf = {
  readonly data: string
  /** Keeps the signer's key; enrolled once. */
  readonly home: string
  readonly project: string
}

export const putSecrets = ({ data, home, project }: SecretsOf, count: number): void => {
  const cli = (words: string, stdin: string): CliResult => runCli(data, words.split(' '), { home, stdin })
  const code = required('vault signer-code', runCli(data, ['vault', 'signer-code'])).trim()
  // Said no when this key is enrolled already.
  cli('secrets signer enrol --name bench', code)
  for (let at = 0; at < count; at++) {
    const words = `secrets set SECRET_${at} --project ${project}`
    required(words, cli(words, createHash('sha256').update(`secret ${at}`).digest('base64url')))
  }
}

/** How often the first of them was released to a job. */
export const releasesOf = ({ data, home, project }: SecretsOf): number => {
  const words = `secrets show SECRET_0 --project ${project} --json`
  const shown: { readonly detail: { readonly releases: number } } = JSON.parse(
    required(words, runCli(data, words.split(' '), { home })),
  )
  return shown.detail.releases
}

const required = (words: string, { code, stdout, stderr }: CliResult): string => {
  if (code !== 0) throw new Error(`mayfly ${words} ended with ${code}: ${stderr}`)
  return stdout
}
