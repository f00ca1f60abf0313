// Contexts: named sets of secrets of the organisation.

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
    emptyTitle: 'No contexts',
    emptyText:
      'A context shares secrets between projects. Jobs that name one that is not there do not start.',
    notForViewers: 'Owners and developers see contexts.',
    goes: 'Goes wherever the context may be used. Narrower: mayfly secrets set --ref --event',
    emptySecrets:
      'A job that names this context gets its secrets as variables or files. Nobody else ever sees them again.',
  },
}
