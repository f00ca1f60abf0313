// Every route of the API against bodies, queries and paths that nobody sane sends: an answer below 500, soon, that says
// nothing of the program; and the server is there afterwards.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { damageBytes, damageJson, leak } from '../../../test/support/hostile.ts'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { createRandom, type Random } from '../../../test/support/random.ts'
import { fault } from '../../base/faults.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'

const perRoute = 12

/** Whatever a use case is asked for, it is not there: what a body can break is before that. */
const nothingThere = () => Promise.reject(fault('E_NOT_FOUND'))
const absentWork = Object.fromEntries(
  Object.entries(noWork).map(([name, verbs]) => [
    name,
    Object.fromEntries(
      Object.entries(verbs).map(([verb, does]) => [verb, verb === 'onChange' ? does : nothingThere]),
    ),
  ]),
) as unknown as typeof noWork

/** Every member that the route knows, with something in it. */
const bodyOf = (route: Route): object => {
  const shape = (route.body as { shape?: object } | undefined)?.shape ?? {}
  return Object.fromEntries(Object.keys(shape).map((name) => [name, 'x']))
}

const words = [
  'x',
  '..',
  '%00',
  '%2e%2e%2f',
  '%ff',
  "'",
  'run_0',
  '%F0%9F%98%80',
  'a'.repeat(100),
  '__proto__',
  '-1',
]
const pathOf = (random: Random, { path }: Route): string => {
  const filled = path.replaceAll(/:[a-z]+/g, () => words[random(words.length)] ?? 'x')
  const query =
    random(3) === 0 ? `?limit=${words[random(words.length)]}&cursor=${words[random(words.length)]}&x[]=1` : ''
  return filled + query
}

test('no route breaks, hangs or tells of itself, whatever comes', async () => {
  const app = await openTestApp({ work: absentWork })
  let asked = 0
  let refused = 0
  for (const [name, route] of Object.entries<Route>(routes)) {
    // The catalogue of errors names places on purpose.
    if (name === 'errors') continue
    for (let seed = 1; seed <= perRoute; seed++) {
      const random = createRandom(seed * 7_919 + asked)
      const body = route.method === 'GET' ? undefined : damageJson(random, bodyOf(route))
      const { status, text } = await app.callOperator(route.method, pathOf(random, route), {
        ...(route.method === 'GET' ? {} : { body }),
      })
      asked++
      if (status >= 400) refused++
      assert.ok(
        status < 500,
        `${name}, seed ${seed}: ${status} ${text} for ${JSON.stringify(body)?.slice(0, 200)}`,
      )
      assert.doesNotMatch(text, leak, `${name}, seed ${seed}`)
    }
  }
  assert.ok(refused > asked / 2, `${refused} of ${asked} refused`)
})

test('bodies that are no JSON, and heads that are no HTTP, get their answer too', async () => {
  const app = await openTestApp()
  const genuine = Buffer.from(JSON.stringify({ project: 'web', ref: 'refs/heads/main' }))
  for (let seed = 1; seed <= 100; seed++) {
    const body = damageBytes(createRandom(seed), genuine)
    const status = await postRaw(app.base, body)
    assert.ok(status >= 400 && status < 500, `seed ${seed}: ${status}`)
  }
  assert.equal((await app.call('GET', '/health')).status, 200)
})

const postRaw = (base: string, body: Uint8Array): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(
      `${base}/api/v1/runs`,
      { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } },
      (answer) => {
        answer.resume()
        answer.once('end', () => resolve(answer.statusCode ?? 0))
      },
    )
    sent.setTimeout(10_000, () => sent.destroy(new Error('no answer')))
    sent.once('error', reject)
    sent.end(body)
  })
