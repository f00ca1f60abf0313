// What a configuration may know of its run, when the run is one of this work tree: the first of a project called as its
// repository, of the organisation `local`. The same that its jobs find in their variables (run-plan.ts).
import { formatId, type RunId } from '../../base/ids.ts'
import type { RunFacts } from '../../protocol/plan.ts'
import { git, type WorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'

export type LocalFacts = RunFacts & { readonly id: RunId }

/** Of a run that is only imagined: what is shown stays the same. */
export const noRun: RunId = formatId('run', new Uint8Array(16))

export const localRunFacts = async (
  around: Surroundings,
  { tree, root, id }: { readonly tree: WorkTree | null; readonly root: string; readonly id: RunId },
): Promise<LocalFacts> => {
  const ask = async (...args: readonly string[]) => (tree === null ? null : git(around, tree.root, args))
  const [head, words] = await Promise.all([
    ask('symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'),
    ask('log', '-1', '--format=%s%x00%an%x00%b'),
  ])
  const [subject, author, body = ''] = words?.split('\0') ?? []
  return {
    ...{ id, number: 1, organisation: 'local', project: tree?.name ?? 'local' },
    defaultBranch: head?.replace(/^origin\//, '') ?? tree?.branch ?? 'main',
    url: tree?.remote ?? root,
    ...(subject === undefined || author === undefined
      ? {}
      : { commit: { subject, author, ...(body.trim() === '' ? {} : { body: body.trim() }) } }),
  }
}
