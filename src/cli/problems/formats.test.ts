// Each format of `mayfly lint` against what its readers require, with text that tries to break out of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../base/problem.ts'
import { formatProblems } from '../../compile/index.ts'
import type { Findings } from './findings.ts'
import { toGcc } from './gcc.ts'
import { toGithub } from './github.ts'
import { toJunit } from './junit.ts'
import { toSarif } from './sarif.ts'

const broken: Problem = {
  code: 'MF2107',
  severity: 'error',
  message: 'job "a" needs "100%\n::set-env name=X::y", which\u0001 is <not> here',
  at: { file: 'a b/c,d:e.yml', line: 3, column: 5, length: 4 },
  frame: [{ line: 3, text: '    test' }],
  help: 'did you mean "b"?',
}
const placeless: Problem = {
  ...broken,
  code: 'MF2033',
  severity: 'note',
  message: 'nothing',
  at: null,
  frame: [],
  help: null,
}
const findings = (strict = false, severity: Problem['severity'] = 'error'): Findings => ({
  strict,
  files: [
    { path: 'a b/c,d:e.yml', problems: [{ ...broken, severity }, placeless] },
    { path: 'clean.yml', problems: [] },
  ],
})

test('gcc: one line a problem, whatever it says', () => {
  assert.equal(
    toGcc(findings()),
    'a b/c,d:e.yml:3:5: error: job "a" needs "100%\uFFFD::set-env name=X::y", which\uFFFD is <not> here [MF2107]\n' +
      'a b/c,d:e.yml:3:5: note: did you mean "b"?\n' +
      'a b/c,d:e.yml: note: nothing [MF2033]\n',
  )
})

test('github: properties and data are escaped, so that text begins no command', () => {
  const [first = '', second = '', ...rest] = toGithub(findings()).split('\n')
  assert.match(
    first,
    /^::error file=a b\/c%2Cd%3Ae\.yml,line=3,endLine=3,col=5,endColumn=9,title=MF2107%3A A job/,
  )
  assert.match(first, /::job "a" needs "100%25%0A::set-env name=X::y", .*%0Adid you mean "b"\?$/)
  assert.match(second, /^::notice file=a b\/c%2Cd%3Ae\.yml,title=MF2033%3A [^:]+::nothing$/)
  assert.deepEqual(rest, [''])
})

/** The members that the SARIF 2.1.0 schema requires of the objects used here, and the types of those that are there. */
const checkSarif = (log: Record<string, unknown>): void => {
  assert.deepEqual([log.version, typeof log.$schema], ['2.1.0', 'string'])
  const [run] = log.runs as {
    tool: { driver: { name: unknown; rules: { id: string }[] } }
    results: unknown[]
  }[]
  assert.equal(run?.tool.driver.name, 'mayfly')
  const rules = run.tool.driver.rules.map((rule) => rule.id)
  assert.equal(new Set(rules).size, rules.length)
  for (const each of run.results) {
    const result = each as {
      message: { text: string }
      level: string
      ruleId: string
      ruleIndex: number
      locations: {
        physicalLocation: { artifactLocation: { uri: string }; region?: Record<string, number> }
      }[]
    }
    assert.equal(typeof result.message.text, 'string')
    assert.ok(['none', 'note', 'warning', 'error'].includes(result.level))
    assert.equal(rules[result.ruleIndex], result.ruleId)
    for (const { physicalLocation } of result.locations) {
      assert.match(physicalLocation.artifactLocation.uri, /^[A-Za-z0-9%._~!*'()/-]+$/)
      for (const number of Object.values(physicalLocation.region ?? {})) assert.ok(number >= 1)
    }
  }
}

test('sarif: the required members, a rule per code, a place per result', () => {
  const log = JSON.parse(toSarif(findings(), '1.2.3'))
  checkSarif(log)
  const [first, second] = log.runs[0].results
  assert.deepEqual(first.locations[0].physicalLocation, {
    artifactLocation: { uri: 'a%20b/c%2Cd%3Ae.yml' },
    region: { startLine: 3, startColumn: 5, endLine: 3, endColumn: 9 },
  })
  assert.deepEqual([second.level, second.locations[0].physicalLocation.region], ['note', undefined])
})

test('junit: a clean file passes, what fails the check fails, and nothing breaks the XML', () => {
  const xml = toJunit(findings())
  assert.match(
    xml,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="mayfly lint" tests="3" failures="1"/,
  )
  assert.match(xml, /<failure type="error" message="job &quot;a&quot; needs &quot;100%&#10;::set-env/)
  assert.match(xml, /<testcase classname="clean\.yml" name="no problems"\/>/)
  assert.ok(!xml.includes('\u0001') && !xml.includes('<not>'))
  assert.match(toJunit(findings(false, 'warning')), /tests="3" failures="0".*<system-out>/s)
  assert.match(toJunit(findings(true, 'warning')), /failures="1"/)
})

test('a long line is cut around what is meant, and the caret stays below it', () => {
  const text = `${'x'.repeat(150)}HERE${'y'.repeat(150)}`
  const problem = {
    ...broken,
    at: { file: 'f', line: 1, column: 151, length: 4 },
    frame: [{ line: 1, text }],
  }
  const lines = formatProblems([problem], { columns: 60, paint: (_part, word) => word }).split('\n')
  const [shown = '', caret = ''] = lines.slice(1)
  assert.ok(shown.length <= 60, shown)
  assert.equal(shown.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1), 'HERE')
})
