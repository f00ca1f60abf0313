// What logs say of files.
import type { CredentialKind } from '../../../protocol/credentials.ts'
import { count, locale } from './words.ts'

const kinds: Readonly<Record<CredentialKind, string>> = {
  aws_key: 'a key of AWS',
  github_token: 'a token of GitHub',
  gitlab_token: 'a token of GitLab',
  slack_token: 'a token of Slack',
  stripe_key: 'a key of Stripe',
  google_key: 'a key of Google',
  npm_token: 'a token of npm',
  pypi_token: 'a token of PyPI',
  sendgrid_key: 'a key of SendGrid',
  model_key: 'a key for a language model',
  docker_token: 'a token of Docker',
  vault_token: 'a token of a vault',
  mayfly_token: 'a token of Mayfly',
  private_key: 'a private key',
  jwt: 'a signed token (JWT)',
  authorization: 'what a request is authorised with',
  address: 'a password in an address',
  assignment: 'a value behind the name of a secret',
}

export const annotationsText = {
  annotations: {
    title: 'Annotations',
    levels: { error: 'Error', warning: 'Warning', notice: 'Notice' },
    counts: (counts: { readonly error: number; readonly warning: number; readonly notice: number }) =>
      [
        counts.error > 0 ? count(counts.error, 'error', 'errors') : '',
        counts.warning > 0 ? count(counts.warning, 'warning', 'warnings') : '',
        counts.notice > 0 ? count(counts.notice, 'notice', 'notices') : '',
      ]
        .filter((part) => part !== '')
        .join(', '),
    inLog: (line: number) => `Line ${line.toLocaleString(locale)} of the log`,
    more: (n: number) => `${count(n, 'more is', 'more are')} in the log.`,
    partial: 'The log is long: only its beginning and its end were looked at.',
    marked: (level: string) => `${level}:`,
    none: 'No annotations',
    noneText:
      'Lines such as ::error file=a.ts,line=3::message, and what compilers, linters and test runners print of a file, are listed here.',
    nextJobs: 'Look at more jobs',
  },
  suspects: {
    heading: (n: number) => `${count(n, 'line holds', 'lines hold')} what looks like a credential`,
    title: (kind: CredentialKind) => `Looks like ${kinds[kind]}, and is masked nowhere`,
    item: (line: number, step: string, kind: CredentialKind) =>
      `Line ${line.toLocaleString(locale)} of ${step}: ${kinds[kind]}`,
    more: (n: number) => `${count(n, 'more line is', 'more lines are')} in the log.`,
    advice:
      'If it is one: change it where it was issued, and put it among the secrets, so that it is masked from then on. This log stays as it is until retention removes it. Who may read the log may read the line.',
    guess:
      'Found by how it is written, when the log was opened. It was sent nowhere, and nothing of it is kept. It may be no credential at all.',
  },
}
