// Projects: add one with its deploy key and its hook, give the hook a new secret, list them. The hook secret comes sealed to a key made here, is
// opened here and shown or written once; it never stands in a process list.
import { chmod, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { type HookId, parseId } from '../../base/ids.ts'
import type { ProjectCreated } from '../../protocol/api/shapes.ts'
import { generateSealingKey, openHookSecret } from '../../seal/index.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type AddFlags = {
  readonly ssh?: string
  readonly path?: string
  readonly defaultBranch?: string
  readonly installHook?: string
  readonly json?: boolean
}

export const addProject = async (around: Surroundings, flags: AddFlags, name: string): Promise<number> => {
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
  if (flags.installHook === undefined) around.stderr.write(manualHook(secret, script))
  else await installHook(around, resolve(around.cwd, flags.installHook), script, secret)
  return 0
}

/** The secret alone goes to standard output, for a pipe; the old one counts no more. */
export const rotateHook = async (
  around: Surroundings,
  flags: { readonly installHook?: string },
  name: string,
): Promise<number> => {
  const api = await connect(around)
  const eph = await generateSealingKey()
  const body = { eph: toBase64Url(eph.publicKey) }
  const made = await api.call('projectHookRotate', { params: { project: name }, body })
  const secret = await openSecret(eph, made)
  const { url } = made.project.hook
  if (flags.installHook === undefined) {
    around.stdout.write(inertText`${secret}\n`)
    around.stderr.write(
      inertText`This is the only time it is shown. It signs for ${url}; what signs with the old one is refused\n`,
    )
    return 0
  }
  const repository = resolve(around.cwd, flags.installHook)
  await writeSecret(repository, secret)
  around.stderr.write(inertText`the new secret is in ${repository}\n`)
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

/** Secret first and private, then the script that reads it; an existing hook of somebody else is not replaced. */
const installHook = async (
  around: Surroundings,
  repository: string,
  script: string,
  secret: string,
): Promise<void> => {
  const hook = join(repository, 'hooks', 'post-receive')
  await writeSecret(repository, secret)
  try {
    await writeFile(hook, script, { mode: 0o755, flag: 'wx' })
  } catch (cause) {
    throw fault('E_CONFLICT', {
      public: `${hook} exists already: add the call of Mayfly to it yourself`,
      cause,
    })
  }
  await chmod(hook, 0o755)
  around.stderr.write(inertText`hook installed in ${repository}\n`)
}

const writeSecret = async (repository: string, secret: string): Promise<void> => {
  const path = join(repository, 'hooks', 'mayfly-secret')
  await writeFile(path, `${secret}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
}
