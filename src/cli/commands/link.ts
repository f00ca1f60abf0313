// `mayfly link`: says once which project a work tree belongs to; `mayfly settings`: what that and everything else that verbs find by
// themselves comes to, and who said it.
import { appendFile, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fault, isFault } from '../../base/faults.ts'
import { ensureDirectory, writeFileDurably } from '../../sys/index.ts'
import { connect } from '../api/connect.ts'
import { findBranch, findProjectHere, saidProject } from '../api/find-run.ts'
import { findOrigin, type Origin } from '../api/target.ts'
import { ask } from '../confirm.ts'
import { exitCodes } from '../exit-codes.ts'
import { git } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { acceptLink, findLink, linkName, parseLink, rootAbove } from '../place/link.ts'
import { parseProjectWord } from '../place/project-word.ts'
import type { Surroundings } from '../surroundings.ts'

export const link = async (
  given: Surroundings,
  flags: { readonly remove?: boolean; readonly yes?: boolean },
  word: string | undefined,
): Promise<number> => {
  const root = rootAbove(given.cwd)
  if (root === null)
    throw fault('E_INPUT', { public: 'this is no work tree of Git: there is nothing to link' })
  if (word !== undefined && flags.remove === true)
    throw fault('E_INPUT', { public: 'name a project or say --remove, not both' })
  if (flags.remove === true) return unlink(given, root)
  return word === undefined ? accept(given, flags) : linkTo(given, root, word)
}

/** A link that came with the work tree, or that somebody changed. */
const accept = async (around: Surroundings, flags: { readonly yes?: boolean }): Promise<number> => {
  const found = await findLink(around)
  if (found === null) throw fault('E_INPUT', { public: `there is no ${linkName} here: name a project` })
  const { url, project } = await parseLink(found)
  const says = `${linkName} says: ${url ?? 'any installation'}, ${project ?? 'any project'}`
  if (flags.yes !== true && !(await ask(around, `${says}. Is that right?`))) {
    around.stderr.write('nothing was changed\n')
    return exitCodes.cancelled
  }
  await acceptLink(around, found)
  around.stderr.write(inertText`${says}; it counts until it changes\n`)
  return exitCodes.success
}

const linkTo = async (given: Surroundings, root: string, word: string): Promise<number> => {
  const { project: asked, host, organisation } = parseProjectWord(word)
  // The link that is there does not say where the new one leads.
  const around = withoutLink(given, { host, organisation })
  const api = await connect(around)
  const { name } = await api.call('project', { params: { project: asked } })
  const { target } = await findOrigin(around)
  const path = join(root, linkName)
  await ensureDirectory(dirname(path), 0o755)
  const bytes = Buffer.from(linkText(target.kind === 'token' ? target.url : null, name))
  await writeFileDurably(path, bytes, 0o644)
  await acceptLink(around, { path, bytes })
  await hideFromGit(around, root)
  around.stderr.write(
    inertText`${root} belongs to ${name}; it says so in ${linkName}, which stays out of Git\n`,
  )
  return 0
}

const unlink = async (around: Surroundings, root: string): Promise<number> => {
  await rm(join(root, linkName), { force: true })
  around.stderr.write(inertText`${root} is linked to no project any more\n`)
  return 0
}

const withoutLink = (
  around: Surroundings,
  place: { readonly host: string | null; readonly organisation: string | null },
): Surroundings => ({
  ...around,
  wishes: { colour: 'auto', mayAsk: true, ...around.wishes, ...place, link: async () => null },
})

/** Both are plain words: JSON writes them as TOML does. */
const linkText = (url: string | null, project: string): string =>
  [
    '# Which project this work tree belongs to. `mayfly link` wrote it; it counts for who did that, as it is.',
    ...(url === null ? [] : [`url = ${JSON.stringify(url)}`]),
    `project = ${JSON.stringify(project)}`,
    '',
  ].join('\n')

/** In this clone only; nothing that is tracked changes. */
const hideFromGit = async (around: Surroundings, root: string): Promise<void> => {
  const found = await git(around, root, ['rev-parse', '--git-path', 'info/exclude'])
  if (found === null) return
  const path = resolve(root, found)
  const before = await readFile(path, 'utf8').catch(() => '')
  if (before.split('\n').includes(`/${linkName}`)) return
  await ensureDirectory(dirname(path), 0o755)
  await appendFile(path, `${before === '' || before.endsWith('\n') ? '' : '\n'}/${linkName}\n`)
}

type Setting = { readonly name: string; readonly value: string | null; readonly origin: Origin }

export const settings = async (
  around: Surroundings,
  flags: { readonly origin?: boolean; readonly json?: boolean; readonly project?: string },
): Promise<number> => {
  const items = await findSettings(around, flags)
  if (flags.json === true) around.stdout.write(`${JSON.stringify({ items })}\n`)
  else
    writeTable(
      around.stdout,
      ['SETTING', 'VALUE', ...(flags.origin === true ? ['SAID BY'] : [])],
      items.map(({ name, value, origin }) => [name, value ?? '-', origin]),
    )
  return 0
}

const findSettings = async (
  around: Surroundings,
  flags: { readonly project?: string },
): Promise<readonly Setting[]> => {
  const orNote = (error: unknown): null => {
    if (!isFault(error)) throw error
    around.stderr.write(inertText`note: ${error.public}\n`)
    return null
  }
  const where = await findOrigin(around).catch(orNote)
  const found = await projectSaid(around, flags.project, where !== null).catch(orNote)
  const { branch, origin: saidBy } = await findBranch(around)
  return [
    {
      name: 'url',
      value: where?.target.kind === 'token' ? where.target.url : null,
      origin: where?.origin ?? 'default',
    },
    { name: 'project', value: found?.name ?? null, origin: found?.origin ?? 'default' },
    { name: 'branch', value: branch, origin: saidBy },
  ]
}

/** A server that does not answer knows nothing of projects; what was said here is known all the same. */
const projectSaid = async (
  around: Surroundings,
  named: string | undefined,
  canAsk: boolean,
): Promise<{ readonly name: string; readonly origin: Origin } | null> => {
  if (named !== undefined) return { name: named, origin: 'flag' }
  const said = await saidProject(around)
  if (said !== null || !canAsk) return said
  return (await findProjectHere(around, await connect(around))) ?? null
}
