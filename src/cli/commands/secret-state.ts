// What is changed of a secret without its value, and who can reach it.
import { fault } from '../../base/faults.ts'
import type { SecretReach } from '../../protocol/api/secrets.ts'
import type { KeptBySet, OnLeak, SetStatement } from '../../protocol/statement.ts'
import { signStatement } from '../../seal/index.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { secondsIn, unixSeconds } from '../secrets/dates.ts'
import { type HomeFlags, homeOf } from '../secrets/home.ts'
import { requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import type { Surroundings } from '../surroundings.ts'

type Common = HomeFlags & { readonly json?: boolean }
type EditFlags = Common & {
  readonly expires?: string
  readonly rotateAfter?: string
  readonly onLeak?: OnLeak
}

export const disableSecret = (around: Surroundings, flags: Common, name: string) =>
  set(around, { flags, name, state: 'disabled' })
export const enableSecret = (around: Surroundings, flags: Common, name: string) =>
  set(around, { flags, name, state: 'active' })

export const editSecret = (around: Surroundings, flags: EditFlags, name: string) => {
  if ([flags.expires, flags.rotateAfter, flags.onLeak].every((one) => one === undefined))
    throw fault('E_INPUT', {
      public: 'say what to change: --expires 90d, --rotate-after 90d, or never; --on-leak tell or revoke',
    })
  return set(around, { flags, name })
}

/** What is not said stays as it is. */
const set = async (
  around: Surroundings,
  {
    flags,
    name,
    state,
  }: { readonly flags: EditFlags; readonly name: string; readonly state?: 'active' | 'disabled' },
): Promise<number> => {
  const key = await requireSignerKey(around)
  const home = await homeOf(around, await connect(around), flags)
  const { detail, state: was } = await home.find(name)
  const date = (flag: string, wanted: string | undefined, before: string | null) =>
    wanted === undefined ? unixSeconds(before) : secondsIn(around, flag, wanted)
  const body: Omit<SetStatement['body'], 'keeps'> = {
    state: state ?? (was === 'disabled' ? 'disabled' : 'active'),
    expires_at: date('--expires', flags.expires, detail?.expires_at ?? null),
    rotate_after: date('--rotate-after', flags.rotateAfter, detail?.rotate_after ?? null),
    ...(flags.onLeak === undefined ? {} : { on_leak: flags.onLeak }),
  }
  const keeps: KeptBySet[] = [
    ...(state === undefined ? (['state'] as const) : []),
    ...(flags.expires === undefined ? (['expires_at'] as const) : []),
    ...(flags.rotateAfter === undefined ? (['rotate_after'] as const) : []),
  ]
  const head = statementHead(around, key, { sub: home.subjectOf(name), prev: detail?.head ?? null })
  const statement = {
    ...head,
    type: 'secret.set' as const,
    body: keeps.length === 0 ? body : { ...body, keeps },
  }
  const secret = await home.set(name, { statement, proof: await signStatement(statement, key.privateKey) })
  if (flags.json) around.stdout.write(`${JSON.stringify(secret)}\n`)
  else {
    const [expires, due] = [secret.detail?.expires_at ?? 'never', secret.detail?.rotate_after ?? 'never']
    const leak = secret.detail?.on_leak === 'revoke' ? ', revoked by itself when it leaks' : ''
    around.stdout.write(inertText`${name} is ${secret.state}, expires ${expires}, is due ${due}${leak}\n`)
  }
  return 0
}

export const showReach = async (around: Surroundings, flags: Common, name: string): Promise<number> => {
  const reach = await (await homeOf(around, await connect(around), flags)).reach(name)
  around.stdout.write(flags.json ? `${JSON.stringify(reach)}\n` : wordsOf(reach))
  return 0
}

const wordsOf = ({
  blocked,
  policy,
  context,
  jobs,
  more_jobs: hasMore,
  people,
  signers,
}: SecretReach): string =>
  [
    ...(blocked === null ? [] : [inertText`nothing  it is ${blocked}`]),
    inertText`rule     ${policy.refs.join(', ')} on ${policy.events.join(', ')}`,
    ...(context === null
      ? []
      : [
          inertText`context  ${context.name}: ${context.every_project ? 'every project' : 'its projects'}, ${context.refs.join(', ')}, ${context.roles?.join(', ') ?? 'any role'}`,
        ]),
    ...jobs.map(({ project, ref, events }) => inertText`jobs     ${project} ${ref} (${events.join(', ')})`),
    ...(hasMore ? ['jobs     … and more'] : []),
    ...people.map(
      ({ name, kind, role }) => inertText`people   ${name} (${kind}${role === null ? '' : `, ${role}`})`,
    ),
    'people   whoever may push to these branches and tags, where push or tag stands',
    ...signers.map(({ name }) => inertText`changes  signed by ${name}`),
    '',
  ].join('\n')
