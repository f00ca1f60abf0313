// Contexts: named sets of secrets of the organisation.
import { count } from './words.ts'

export const contextsText = {
  contexts: {
    title: 'Contexts',
    why: 'A context is a named set of secrets. A job that names it gets them, if its project, its branch or tag, and who wanted it are among those that the context is for. Otherwise the job does not start.',
    cli: 'On the command line: mayfly context create NAME --project PROJECT, mayfly secrets set SECRET --context NAME',
    add: 'Make a context',
    name: 'Name',
    nameHint: 'As jobs name it: letters, digits, spaces and . _ -',
    projects: 'Projects',
    everyProject: 'every project',
    noProject: 'none yet',
    refs: 'Branches and tags',
    refsHint:
      'One a line: default is the default branch of each project; others are full, such as refs/heads/release/* or refs/tags/v*',
    defaultBranch: 'the default branch',
    roles: 'Wanted by',
    anyRole: 'anybody',
    rolesOf: {
      any: 'anybody or anything, a push too',
      developer: 'an owner or a developer',
      owner: 'an owner',
    },
    rolesHint:
      'Who began the run, reran the job, or approved what it waited for. A push has no person: somebody reruns the job.',
    submit: 'Sign and save',
    edit: 'Change rules',
    editTitle: 'Which jobs may use it',
    delete: 'Delete',
    deleteTitle: (name: string) => `Delete “${name}”?`,
    deleteText: 'Its secrets are removed from the vault. Jobs that name it do not start any more.',
    deleteYes: 'Delete the context',
    admissions: 'Projects of contexts for every project',
    admissionsWhy:
      'A context for every project reaches those that a signer has admitted, with the source and host keys that they had then. So a server alone can make no project that is given its secrets.',
    project: 'Project',
    source: 'Source',
    admission: 'Admission',
    actions: 'Actions',
    admissionState: {
      admitted: 'admitted',
      changed: 'changed since it was admitted',
      none: 'not admitted',
    },
    wasThere: 'there before admissions were',
    admit: 'Admit',
    admitLabel: (project: string) => `Admit ${project}`,
    admitAll: (n: number) => `Admit ${count(n, 'project', 'projects')}`,
    withdraw: 'Withdraw',
    withdrawLabel: (project: string) => `Withdraw ${project}`,
    admitTitle: (n: number) => (n === 1 ? 'Admit this project?' : `Admit these ${n} projects?`),
    admitText:
      'Your passkey signs that secrets of contexts for every project are for code from exactly these places.',
    admitYes: 'Sign and admit',
    admitNo: 'Not now',
    admissionProposed: 'Signed. It waits for a second person, under Signers.',
    localSource: (path: string, root: number) => `${path} in local directory ${root}`,
    emptyTitle: 'No contexts',
    emptyText:
      'A context shares secrets between projects. Jobs that name one that is not there do not start.',
    notForViewers: 'Owners and developers see contexts.',
    goes: 'Goes wherever the context may be used. Narrower: mayfly secrets set --ref --event',
    emptySecrets:
      'A job that names this context gets its secrets as variables or files. Nobody else ever sees them again.',
  },
}
