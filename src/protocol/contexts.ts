// Contexts (trust-model.md §5.8): named sets of secrets of an organisation, and the rules which jobs may use them. One
// function judges: the vault before it releases, the server before a job starts.
import { utf8 } from '../base/bytes.ts'
import { type ContextId, formatId, type OrganisationId, type ProjectId } from '../base/ids.ts'
import { matchesGlob } from '../base/ref-glob.ts'
import { sha256 } from '../base/sha256.ts'
import { either, id, list, object, oneOf, type Shaped, text } from '../base/shape.ts'

/** Of an organisation. */
export const contextsMax = 200
/** With those that were deleted: their statements still count. */
export const contextsKnownMax = 10 * contextsMax
/** That one job names. */
export const contextsOfJobMax = 100

/** As configurations name them; no slash, because addresses name them too. */
export const contextNameForm = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$/
export const contextName = text({ max: 64, form: contextNameForm })

/** A name of an organisation has one id for ever: no second index that could go stale. */
export const contextId = (organisation: OrganisationId, name: string): ContextId =>
  formatId('context', sha256(utf8(`${organisation}/contexts/${name}`)).subarray(0, 16))

/** Who can begin a run; viewers cannot. */
export const contextRoles = ['owner', 'developer'] as const
/** Beside globs over full refs: the default branch of whichever project asks. */
export const defaultBranchRule = 'default'

const rules = {
  /** `*`: all of the organisation that a signer has admitted, also those to come. */
  projects: either((value) => value === '*', oneOf('*'), list(id('project'), { max: 100 })),
  refs: list(text({ max: 255, form: /^(?:default|refs\/[^\p{C}\s]+)$/u }), { min: 1, max: 20 }),
  /** null: whoever or whatever began the run, a push too. Else a person with one of these roles did. */
  roles: either(
    (value) => value === null,
    oneOf(null),
    list(oneOf(...contextRoles), { min: 1, max: contextRoles.length }),
  ),
}
export const contextRules = rules
const allRules = object(rules)
export type ContextRules = Shaped<typeof allRules>

/** Of a new context: no project, until somebody names one. */
export const newContextRules: ContextRules = { projects: [], refs: [defaultBranchRule], roles: null }

/** Which rule refused; `room`: together with the other secrets of the job it is too much for one answer. */
export const contextRuleNames = ['unknown', 'project', 'admission', 'ref', 'person', 'room'] as const
export type ContextRule = (typeof contextRuleNames)[number]

/** `role`: of the person who wants the job; null when it is nobody known. */
export type ContextUse = {
  readonly project: ProjectId
  /** Whether a signer has admitted the project with the source that it has now: to contexts that do not name it. */
  readonly isAdmitted: boolean
  readonly ref: string | undefined
  readonly defaultRef: string | undefined
  readonly role: string | null
}

/** What keeps this job from the context; null: nothing. `rules` is null for one that is not there (any more). */
export const refusalBy = (rules: ContextRules | null, use: ContextUse): ContextRule | null => {
  if (rules === null) return 'unknown'
  if (rules.projects !== '*' && !rules.projects.includes(use.project)) return 'project'
  if (rules.projects === '*' && !use.isAdmitted) return 'admission'
  if (!admitsRef(rules, use)) return 'ref'
  return rules.roles === null || rules.roles.some((role) => role === use.role) ? null : 'person'
}

const admitsRef = ({ refs }: ContextRules, { ref, defaultRef }: ContextUse): boolean =>
  ref !== undefined &&
  refs.some((rule) => (rule === defaultBranchRule ? ref === defaultRef : matchesGlob(rule, ref)))

/** For whoever looks at the job: which rule, and what to do. */
export const refusalText = (context: string, rule: ContextRule): string => {
  const [end, edit] = ['An owner can change that', `mayfly context edit ${JSON.stringify(context)}`]
  switch (rule) {
    case 'unknown':
      return `There is no context "${context}". An owner can make it: mayfly context create ${JSON.stringify(context)}`
    case 'project':
      return `The context "${context}" is not for this project. ${end}: ${edit} --project`
    case 'admission':
      return `The context "${context}" is for every project that a signer has admitted, and this one is not, as it is now. An owner can do that: mayfly project admit`
    case 'ref':
      return `The context "${context}" is not for this branch or tag. ${end}: ${edit} --ref`
    case 'person':
      return `The context "${context}" is for runs of certain roles only, and who wanted this one has none of them. Somebody who has may rerun the job`
    case 'room':
      return `The secrets of the context "${context}" and those before it are too many for one job`
  }
}
