// What an answer says of who gets through a door, for the golden tables of access; and how such a table is written. An answer that no
// rule about callers gives (a limit, a part that is away, a check that came before) is no line of a table: it throws.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { catalogue, type FaultCode } from '../../src/base/faults.ts'
import type { Answer } from './http-app.ts'

export type Verdict = 'yes' | '401' | '403' | '404'

/** What is behind the door answers: it looked at what was sent, or found something there. */
const behind: readonly FaultCode[] = [
  'E_INPUT',
  'E_PLAINTEXT',
  'E_CONFLICT',
  'E_PRECONDITION',
  'E_CLASS_UNKNOWN',
  'E_STILL_RUNNING',
]
const atTheDoor = {
  E_UNAUTHENTICATED: '401',
  E_FORBIDDEN: '403',
  E_NOT_FOUND: '404',
} as const satisfies Partial<Record<FaultCode, Verdict>>

export const doorVerdict = (
  what: string,
  { status, json, text }: Pick<Answer, 'status' | 'json' | 'text'>,
  caller: { readonly isKnown: boolean },
): Verdict => {
  if (status === 200) return 'yes'
  const code = (Object.keys(catalogue) as FaultCode[]).find((name) => catalogue[name].number === json?.code)
  const isItsOwn = code !== undefined && catalogue[code].status === status
  if (isItsOwn && behind.includes(code)) return 'yes'
  const found = isItsOwn ? (atTheDoor as Partial<Record<FaultCode, Verdict>>)[code] : undefined
  // Who is known is not asked who they are: then their session or token was not looked at.
  if (found === undefined || (found === '401' && caller.isKnown))
    throw new Error(`${what}: no rule about callers answers ${status} ${text}`)
  return found
}

/** With UPDATE_GOLDEN=1 what two looks agree on is written. */
export const checkGolden = async (path: string, look: () => Promise<string>): Promise<void> => {
  const text = await look()
  if (process.env.UPDATE_GOLDEN === '1') {
    assert.equal(await look(), text, 'two looks differ: nothing is written')
    await writeFile(path, text)
  }
  assert.equal(text, await readFile(path, 'utf8'))
}
