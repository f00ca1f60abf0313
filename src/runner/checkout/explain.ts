// What Git and ssh say when a source cannot be read, in our words and as a code. Their last line stands where we know none.
import type { FaultCode } from '../../base/faults.ts'

export type SourceFailure = { readonly ok: false; readonly code: FaultCode; readonly message: string }

export const tooLarge: SourceFailure = {
  ok: false,
  code: 'E_DISK_FULL',
  message: 'the repository is too large for the fetch sandbox',
}

const explanations: readonly (readonly [RegExp, FaultCode, string])[] = [
  [
    /Host key verification failed|no matching host key/i,
    'E_SOURCE_DENIED',
    'the host key is not the confirmed one; after mayfly project contact NAME, mayfly project trust NAME shows which one to compare and confirm',
  ],
  [
    /Permission denied|access denied|authentication failed/i,
    'E_SOURCE_DENIED',
    'the source host refused the deploy key',
  ],
  [
    /does not have commit|not our ref|unadvertised object/i,
    'E_COMMIT_MISSING',
    'the source host does not have this commit',
  ],
  [
    /is an annotated tag, not a commit/,
    'E_COMMIT_MISSING',
    'the push named the object of an annotated tag: name the commit it points at (git rev-parse TAG^{commit}); the hook of the project does when it is installed anew',
  ],
  [
    /couldn't find remote ref/i,
    'E_COMMIT_MISSING',
    'the source host does not have this branch or tag any more',
  ],
  [
    /not appear to be a git repository|no such file or directory|repository not found/i,
    'E_SOURCE_DENIED',
    'there is no such repository',
  ],
  [/out of memory|no space left|died of signal 9/i, tooLarge.code, tooLarge.message],
]

export const explainFailure = (code: number, words: string): SourceFailure => {
  for (const [form, fault, message] of explanations)
    if (form.test(words)) return { ok: false, code: fault, message }
  const last =
    words
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  return {
    ok: false,
    code: 'E_SOURCE_UNREACHABLE',
    message: last === '' ? `git ended with ${code}` : `git: ${last.slice(0, 300)}`,
  }
}
