// `--json` is what the API answers, byte for byte: every verb that takes it is asked here, over a server that answers each
// route with a document made from the route's own schema. A verb that is added has to say what it prints.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import * as z from 'zod'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import { type Route, type RouteName, routes } from '../protocol/api/routes.ts'
import { createProgram } from './index.ts'
import type { Surroundings } from './surroundings.ts'

type Shape = {
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  readonly minimum?: number
}

/** A document of this shape with every field in it. */
const sampleOf = (shape: Shape, name = ''): unknown => {
  if (shape.const !== undefined) return shape.const
  if (shape.enum !== undefined) return shape.enum.at(-1)
  if (shape.anyOf?.[0] !== undefined) return sampleOf(shape.anyOf[0], name)
  if (name === 'next_cursor') return null
  const type = typeof shape.type === 'string' ? shape.type : shape.type?.[0]
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(shape.properties ?? {}).map(([key, value]) => [key, sampleOf(value, key)]),
    )
  if (type === 'array') return shape.items === undefined ? [] : [sampleOf(shape.items, name)]
  if (type === 'number' || type === 'integer') return shape.minimum ?? 1
  if (type === 'boolean') return true
  return name === 'name' ? 'web' : `some ${name}`
}
const answers = Object.entries<Route>(routes).map(([name, route]) => {
  const sample = sampleOf(z.toJSONSchema(route.answer, { unrepresentable: 'any' }) as Shape) as Record<
    string,
    unknown
  >
  // As the server does it: by the schema, so in its order.
  const text = JSON.stringify(route.answer.parse(name === 'run' ? waiting(sample) : sample))
  return {
    name,
    text,
    method: route.method,
    path: new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}$`),
  }
})
const answerOf = (name: RouteName) => answers.find((each) => each.name === name)?.text ?? assert.fail()

/** A run whose one job waits for a person, so that every verb has something to act on. */
function waiting(run: Record<string, unknown>): unknown {
  const [job] = run.jobs as Record<string, unknown>[]
  return { ...run, jobs: [{ ...job, status: 'on_hold', shards: 1, name: 'gate', key: 'gate' }] }
}

const run = commandsAnsweredBy((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  request.resume()
  const found = answers.find(({ method, path }) => method === request.method && path.test(pathname))
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found?.text ?? '{}')
})

const delivery = `dlv_${'0'.repeat(26)}`
/** What each verb is given, and the route whose answer it prints. */
const verbs: Readonly<Record<string, readonly [words: string, route: RouteName]>> = {
  status: ['', 'status'],
  whoami: ['', 'me'],
  org: ['', 'organisation'],
  'project list': ['', 'projects'],
  'project view': ['web', 'project'],
  'project contact': ['web', 'projectRefs'],
  'project admissions': ['', 'admissions'],
  'project trust': ['web some_fingerprint', 'projectHostKeys'],
  'runner list': ['', 'runners'],
  'project set': ['web --auto-cancel on', 'projectSet'],
  'orb list': ['', 'orbs'],
  'orb show': ['acme/tools@1.2.3', 'orbSource'],
  'runs list': ['-R web', 'runs'],
  'runs view': ['4 -R web', 'run'],
  'runs wait': ['4 -R web', 'runWait'],
  'runs annotations': ['4 -R web', 'runAnnotations'],
  'runs usage': ['4 -R web -j gate', 'attemptUsage'],
  'runs changes': ['4 -R web', 'runChanges'],
  'runs compare': ['4 5 -R web', 'runCompare'],
  'runs start': ['-R web -b main', 'runStart'],
  'runs parameters': ['-R web -b main', 'projectParameters'],
  'runs pin': ['4/gate -R web --step web --line 7', 'attemptPin'],
  'runs unpin': ['4/gate -R web', 'attemptUnpin'],
  'runs cancel': ['4 -R web', 'runCancel'],
  'runs rerun': ['4 -R web', 'runRerun'],
  rerun: ['4 -R web -j gate', 'jobRerun'],
  approve: ['4 -R web', 'jobApprove'],
  reject: ['4 -R web', 'jobReject'],
  watch: ['4 -R web --timeout 1s', 'run'],
  'runs watch': ['4 -R web --timeout 1s', 'run'],
  'artifacts list': ['4 -R web', 'runArtifacts'],
  'deliveries list': ['-R web', 'deliveries'],
  'deliveries view': [delivery, 'delivery'],
  'deliveries replay': [delivery, 'deliveryReplay'],
  'schedules list': ['-R web', 'schedules'],
  'schedules add': ['daily -R web --cron 0_6_*_*_*', 'scheduleAdd'],
  'schedules set': ['daily -R web --pause', 'scheduleSet'],
  'webhook list': ['-R web', 'webhooks'],
  'webhook show': ['chat -R web', 'webhook'],
  'webhook set': ['chat -R web --url https://example.org/', 'webhookSet'],
  'webhook enable': ['chat -R web', 'webhookSet'],
  'webhook disable': ['chat -R web', 'webhookSet'],
  'webhook deliveries': ['chat -R web', 'webhookDeliveries'],
  'webhook delivery': ['chat msg_1 -R web', 'webhookDelivery'],
  api: ['GET /runs', 'runs'],
  'token create': ['t', 'tokenCreate'],
  'token list': ['', 'tokens'],
  'audit list': ['', 'audit'],
  'token revoke': ['tok_1', 'tokenRevoke'],
  'session list': ['', 'sessions'],
  'session end': ['--all', 'sessionsEnd'],
  'member list': ['', 'members'],
  'member role': ['usr_1 viewer', 'memberChange'],
  'member disable': ['usr_1', 'memberChange'],
  'member enable': ['usr_1', 'memberChange'],
  'member sign-out': ['usr_1', 'memberSignOut'],
  'member invite': ['', 'invitationCreate'],
  'member invitations': ['', 'invitations'],
  'member uninvite': ['inv_1', 'invitationRevoke'],
  'secrets list': ['-R web', 'secrets'],
  'secrets signatures': ['RELEASE -R web', 'secretSignatures'],
  'secrets reach': ['RELEASE -R web', 'secretReach'],
  'context list': ['', 'contexts'],
  'oidc show': ['-R web', 'projectIdentity'],
  'secrets signer list': ['', 'signers'],
  'secrets two-person': ['', 'secretRules'],
  'secrets proposals': ['', 'proposals'],
}

/** Verbs whose document is of this machine, or is asked for elsewhere, with the reason. */
const others: Readonly<Record<string, string>> = {
  run: 'events of a run here',
  explain: 'pages that come with the command',
  doctor: 'findings about this machine',
  settings: 'what this machine found, and who said it',
  'config show': 'a plan made here',
  'config simulate': 'a plan made here',
  'project add': 'the project, without the secret that was sealed to this command',
  'webhook add': 'the target, with the secret that was sealed to this command: webhooks.e2e.test.ts',
  'webhook rotate': 'the target, with the secret that was sealed to this command: webhooks.e2e.test.ts',
  'webhook test': 'the delivery once it was tried: webhooks.e2e.test.ts',
  'webhook redeliver': 'the delivery once it was tried: webhooks.e2e.test.ts',
  'artifacts download': 'those of the list that were written',
  'tests list': 'the results of each job that has some, as its pages answer them',
  'orb add': 'needs the source of an orb',
  logs: 'with --condensed: what each job answers about its newest attempt',
  'runs why': 'jobs of the run that wait',
  'secrets set': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets rotate': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets show': 'one of those that the list has',
  'secrets revoke': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets edit': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets disable': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets enable': 'needs a key that signs: secrets.e2e.test.ts',
  'secrets import': 'what came of each line of the file',
  'project admit': 'needs a key that signs: contexts.e2e.test.ts',
  'project withdraw': 'needs a key that signs: contexts.e2e.test.ts',
  'context create': 'needs a key that signs: contexts.e2e.test.ts',
  'context edit': 'needs a key that signs: contexts.e2e.test.ts',
  'context delete': 'needs a key that signs: contexts.e2e.test.ts',
  'context view': 'the context, with the list of its secrets',
  'secrets signer enrol': 'needs a code of the operator',
  'secrets countersign': 'needs a key that signs: contexts.e2e.test.ts',
  'secrets withdraw': 'an empty answer, for a change that was really signed: contexts.e2e.test.ts',
  'secrets signer show': 'the key of this machine',
  'secrets signer remove': 'needs a key that signs',
}

const verbsOf = (command: Command, before: string): readonly string[] =>
  command.commands.flatMap((child) => {
    const name = `${before} ${child.name()}`.trim()
    const own = child.options.some(({ long }) => long === '--json') ? [name] : []
    return [...own, ...verbsOf(child, name)]
  })

test('every verb that takes --json says here what it prints', () => {
  // SAFE: words and options stand in the program before anything of it is called.
  const around = { version: '0', stdout: {}, stderr: {} } as unknown as Surroundings
  assert.deepEqual(
    [...verbsOf(createProgram(around), '')].sort(),
    [...Object.keys(verbs), ...Object.keys(others)].sort(),
  )
})

for (const [verb, [words, route]] of Object.entries(verbs))
  test(`mayfly ${verb} --json is the answer of ${route}`, async () => {
    const given = words.split(' ').filter((word) => word !== '')
    const { stdout, stderr } = await run([...verb.split(' '), ...given, '--json'])
    assert.equal(stdout, `${answerOf(route)}\n`, stderr)
  })
