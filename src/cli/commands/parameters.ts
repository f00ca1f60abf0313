// Parameters of a pipeline, as the newest run of a branch found them declared: shown, and used to type and judge what
// somebody gives a run before anything is sent.
import { fault } from '../../base/faults.ts'
import type { DeclaredParameters } from '../../protocol/api/shapes.ts'
import { refusalsOf } from '../../protocol/pipeline-parameters.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import type { ApiClient } from '../api/client.ts'
import { ofProject } from '../api/of-project.ts'
import { refOf } from '../git/asked-ref.ts'
import { findWorkTree } from '../git/work-tree.ts'
import { inert, inertText } from '../inert.ts'
import { readParameters } from '../local/parameters.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; branch?: string; tag?: string }

export const listParameters = async (around: Surroundings, flags: Flags): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const ref = await refOf(around, flags)
  const found = await api.call('projectParameters', { params, query: { ref: ref ?? undefined } })
  if (flags.json) around.stdout.write(`${JSON.stringify(found)}\n`)
  else writeParameters(around, found)
  return 0
}

const writeParameters = (around: Surroundings, { ref, run, parameters }: DeclaredParameters): void => {
  around.stderr.write(inertText`${sourceWords({ ref, run, parameters })}\n`)
  writeTable(
    around.stdout,
    ['PARAMETER', 'TYPE', 'DEFAULT', 'ABOUT'],
    (parameters ?? []).map(({ name, type, default: value, options, description }) => [
      name,
      options === undefined ? type : inert(options.join('|')),
      value === null ? '(of the run)' : inert(String(value)),
      inert(description ?? ''),
    ]),
  )
}

const sourceWords = ({ ref, run, parameters }: DeclaredParameters): string => {
  if (run === null) return `what ${ref} takes is not known yet: no run of it has a plan`
  if (parameters === null) return `what ${ref} takes is not known: the plan of #${run.number} does not say`
  const seen = `#${run.number} at ${run.commit.slice(0, 10)}`
  return parameters.length === 0 ? `${ref} takes no parameters (${seen})` : `what ${ref} takes (${seen}):`
}

type Wanted = {
  /** As somebody named it; else it is the project of the work tree. */
  readonly project?: string
  readonly named: string
  readonly ref: string | null
  readonly commit?: string
  readonly param: readonly string[]
  /** false: sent as they are. */
  readonly check?: boolean
}

/** What is wrong with them is said here, in the words of the compiler, when the newest plan of the branch tells. */
export const givenParameters = async (
  around: Surroundings,
  api: ApiClient,
  { project, named, ref, commit, param, check }: Wanted,
): Promise<PlanInputs['parameters']> => {
  const asked = { params: { project: named }, query: { ref: ref ?? undefined } }
  const { parameters: takes } = await api.call('projectParameters', asked)
  if (takes === null)
    return readParameters(param, project === undefined ? await typesOfTree(around) : new Map())
  const given = readParameters(param, new Map(takes.map(({ name, type }) => [name, type])))
  // Another commit may declare others.
  const wrong = commit === undefined && check !== false ? refusalsOf(takes, given) : []
  if (wrong.length > 0)
    throw fault('E_INPUT', { public: [...wrong.map(({ words }) => words), wayOut].join('\n') })
  return given
}

const wayOut = 'if the configuration has changed since its newest run, add --no-check'

/** Those that the configuration of this work tree declares. */
const typesOfTree = async (around: Surroundings): Promise<ReadonlyMap<string, string>> => {
  const tree = await findWorkTree(around)
  if (tree === null) return new Map()
  const [{ pipelineParameterTypes }, { readConfiguration }] = await Promise.all([
    import('../../compile/index.ts'),
    import('../local/configuration.ts'),
  ])
  return pipelineParameterTypes(await readConfiguration(tree.root))
}
