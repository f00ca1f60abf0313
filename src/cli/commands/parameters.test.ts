// Parameters on the command line, over a server that knows what its newest run declared.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'

const takes = [
  { name: 'target', type: 'enum', default: 'staging', options: ['staging', 'live'], description: 'where to' },
  { name: 'copies', type: 'integer', default: 3 },
  { name: 'since', type: 'string', default: null },
]
const ofRun = { id: `run_${'1'.repeat(26)}`, number: 7, commit: 'c'.repeat(40), created_at: '' }
let known: unknown = takes
let seen: unknown[] = []

const run = commandsAnsweredBy((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    seen.push(
      chunks.length === 0
        ? `${pathname} ${searchParams.get('ref')}`
        : JSON.parse(Buffer.concat(chunks).toString()),
    )
    const isAsked = pathname === '/api/v1/projects/web/parameters'
    const answer = {
      ref: 'refs/heads/main',
      run: known === undefined ? null : ofRun,
      parameters: known ?? null,
    }
    response.writeHead(isAsked ? 200 : 503, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isAsked ? answer : {}))
  })
})
const start = async (...words: string[]) => {
  seen = []
  const answer = await run(['runs', 'start', '-R', 'web', '-b', 'main', ...words])
  return { ...answer, sent: seen.slice(1)[0] as { parameters?: unknown } | undefined }
}

test('what a branch takes is shown with its values and where that is known from', async () => {
  const { stdout, stderr } = await run(['runs', 'parameters', '-R', 'web', '-b', 'main'])
  assert.match(stderr, /refs\/heads\/main takes \(#7 at cccccccccc\)/)
  assert.match(
    stdout,
    /target\tstaging\|live\tstaging\twhere to\ncopies\tinteger\t3\t\nsince\tstring\t\(of the run\)/,
  )
})

test('values are typed by what is declared, and a wrong one is refused before anything is sent', async () => {
  assert.deepEqual((await start('-p', 'copies=4', '-p', 'target=live')).sent?.parameters, {
    ...{ copies: 4, target: 'live' },
  })
  const refused = await start('-p', 'copies=many', '-p', 'tarket=live')
  assert.equal(refused.code, 2)
  assert.match(
    refused.stderr,
    /the argument "copies" of this pipeline must be an integer, but is a text: "many"/,
  )
  assert.match(refused.stderr, /this pipeline has no parameter "tarket"/)
  assert.equal(refused.sent, undefined)
})

test('what is refused is sent all the same when it is asked for, of another commit, and when nobody knows', async () => {
  const values = { copies: 'many' }
  assert.deepEqual((await start('-p', 'copies=many', '--no-check')).sent?.parameters, values)
  assert.deepEqual((await start('-p', 'copies=many', '--commit', 'd'.repeat(40))).sent?.parameters, values)
  known = undefined
  assert.deepEqual((await start('-p', 'copies=many')).sent?.parameters, values)
  const { stderr } = await run(['runs', 'parameters', '-R', 'web', '-b', 'main'])
  assert.match(stderr, /is not known yet: no run of it has a plan/)
})
