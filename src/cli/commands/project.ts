// Projects: add one with its deploy key and its hook, give the hook a new secret, list them. The hook secret comes sealed to a key made here, is
// opened here and shown or written once; it never stands in a process list.
import { resolve } from 'node:path'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { type HookId, parseId } from '../../base/ids.ts'
import type { ProjectCreated } from '../../protocol/api/shapes.ts'
import { generateSealingKey, openHookSecret } from '../../seal/index.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'
import { hookPlace } from './install-hook.ts'

type AddFlags = {
  readonly ssh?: string
  readonly path?: string
  readonly defaultBranch?: string
  readonly installHook?: string
  readonly json?: boolean
}

export const addProject = async (around: Surroundings, flags: AddFlags, name: string): Promise<number> => {
  const { installHook: directory } = flags
  const place = directory === undefined ? null : await hookPlace(around, directory, null)
  const api = await connect(around)
  const eph = await generateSealingKey()
  const made = await api.call('projectCreate', {
    body: {
      name,
      source: sourceOf(around, flags),
      ...(flags.defaultBranch === undefined ? {} : { default_branch: flags.defaultBranch }),
      eph: toBase64Url(eph.publicKey),
    },
  })
  const secret = await openSecret(eph, made)
  const { script } = await api.call('projectHook', { params: { project: made.project.id } })
  if (flags.json) around.stdout.write(`${JSON.stringify(made.project)}\n`)
  else around.stdout.write(describe(made))
  if (place === null) around.stderr.write(manualHook(secret, script))
  else await place.install({ script, secret })
  return 0
}

/** The secret alone goes to standard output, for a pipe, unless it is put where it belongs; the old one counts no more. */
export const rotateHook = async (
  around: Surroundings,
  flags: { readonly installHook?: string },
  name: string,
): Promise<number> => {
  const api = await connect(around)
  const { script } = await api.call('projectHook', { params: { project: name } })
  const { installHook: directory } = flags
  const place = directory === undefined ? null : await hookPlace(around, directory, script)
  const eph = await generateSealingKey()
  const body = { eph: toBase64Url(eph.publicKey) }
  const made = await api.call('projectHookRotate', { params: { project: name }, body })
  const secret = await openSecret(eph, made)
  if (place !== null) {
    await place.install({ script, secret })
    return 0
  }
  const { url } = made.project.hook
  around.stdout.write(inertText`${secret}\n`)
  around.stderr.write(
    inertText`This is the only time it is shown. It signs for ${url}; what signs with the old one is refused\n`,
  )
  return 0
}

export const removeProject = async (around: Surroundings, _flags: object, name: string): Promise<number> => {
  const api = await connect(around)
  await api.call('projectRemove', { params: { project: name } })
  around.stderr.write(
    inertText`${name} is removed. Its deploy key and its hook on the Git server are of no use any more\n`,
  )
  return 0
}

export const listProjects = async (
  around: Surroundings,
  flags: { readonly json?: boolean },
): Promise<number> => {
  const page = await (await connect(around)).all('projects', {})
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(page)}\n`)
    return 0
  }
  const paint = paintFor(around, around.stdout)
  writeTable(
    around.stdout,
    ['PROJECT', 'SOURCE', 'BRANCH', 'LAST RUN'],
    page.items.map(({ name, source, default_branch, last_run: last }) => [
      name,
      source.url,
      default_branch,
      last === null ? 'none' : `${statusWord(paint, last.status)} #${last.number}`,
    ]),
  )
  return 0
}

const sourceOf = (around: Surroundings, flags: AddFlags) => {
  if (flags.ssh !== undefined && flags.path === undefined) return { kind: 'ssh' as const, url: flags.ssh }
  if (flags.path !== undefined && flags.ssh === undefined)
    return { kind: 'local' as const, path: resolve(around.cwd, flags.path) }
  throw fault('E_INPUT', { public: 'say where the code is: --ssh URL or --path DIR' })
}

const openSecret = async (
  eph: Awaited<ReturnType<typeof generateSealingKey>>,
  made: ProjectCreated,
): Promise<string> => {
  const sealed = fromBase64Url(made.hook_secret_sealed)
  const hook: HookId | null = parseId('hook', made.project.hook.id)
  const secret = sealed === null || hook === null ? null : await openHookSecret(eph, sealed, hook)
  if (secret === null)
    throw fault('E_PROTOCOL', { public: 'the hook secret could not be opened: rotate it with a new one' })
  return utf8Decode(secret)
}

const describe = ({ project }: ProjectCreated): string =>
  [
    inertText`project  ${project.name}  ${project.id}`,
    inertText`source   ${project.source.url}`,
    inertText`hook     ${project.hook.url}`,
    ...(project.deploy_key === null
      ? []
      : [
          inertText`key      ${project.deploy_key.public_key}`,
          inertText`         ${project.deploy_key.fingerprint}`,
        ]),
    '',
  ].join('\n')

const manualHook = (secret: string, script: string): string =>
  `
On the Git server, put this secret into hooks/mayfly-secret of the repository (mode 0600). It is shown only now:
${secret}
and this into hooks/post-receive (mode 0755); --install-hook DIR does both for a repository on this machine:
${script}
`
