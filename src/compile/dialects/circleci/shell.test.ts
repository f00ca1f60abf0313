import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseShell, splitWords } from './shell.ts'

test('a shell loses the flag that would make it read the script from its arguments', () => {
  const check = (text: string, expected: string) =>
    assert.equal(parseShell(splitWords(text) ?? []).join(' '), expected)
  check('/bin/sh', '/bin/sh')
  check('/bin/bash -eo pipefail -c', '/bin/bash -eo pipefail')
  check('/bin/bash -lc', '/bin/bash -l')
  check('bash -euxo pipefail', 'bash -euxo pipefail')
  check('powershell.exe -ExecutionPolicy Bypass', 'powershell.exe -ExecutionPolicy Bypass -File')
  check('pwsh -Command', 'pwsh -File')
  check('cmd.exe /c', 'cmd.exe /c')
})

test('words are split at blanks outside quotes', () => {
  assert.deepEqual(splitWords(`a 'b c' "d\\"e" f\\ g ""`), ['a', 'b c', 'd"e', 'f g', ''])
  assert.equal(splitWords('a "b'), null)
})
