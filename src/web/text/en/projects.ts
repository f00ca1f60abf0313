// Projects: their list, adding one, setting it up, one project.
import type { Verdict } from '../../../protocol/constructs.ts'
import { count } from './words.ts'

const every = (n: number, one: string, many: string): string => `every ${count(n, one, many)}`

export const projectsText = {
  parameters: {
    known: 'What this pipeline takes, as its newest run of this branch or tag found it:',
    none: 'This pipeline takes no parameters, as its newest run of this branch or tag found it:',
    unknown:
      'What this pipeline takes is not known yet: no run of this branch or tag has a plan. Values are judged when the run is planned.',
    untold:
      'What this pipeline takes is not known: the plan of its newest run does not say. Values are judged when the run is planned.',
    ofRun: 'as the run has it',
    free: 'It has changed: name them yourself',
    declared: 'Back to what is declared',
  },
  projects: {
    title: 'Projects',
    add: 'Add a project',
    settings: 'All projects',
    jobsMax: 'Jobs of all projects at once',
    jobsMaxHint: 'A lower limit counts for what has not begun.',
    emptyTitle: 'No projects yet',
    emptyText: 'A project is a repository whose pushes run here. Your configuration file stays as it is.',
    orCommand: 'From a terminal:',
    askOwner: 'An owner of this installation can add one.',
    command: 'mayfly project add git@example.com:acme/web.git',
    filter: 'Filter projects',
    filteredTitle: 'No project has this in its name',
    noRuns: 'no runs yet',
  },

  schedules: {
    title: 'Schedules',
    add: 'Add a schedule',
    cancel: 'Cancel',
    empty: 'Nothing begins by itself. A schedule begins runs at set times.',
    defaultBranch: 'the default branch',
    configured: 'as its configuration says: change it there',
    name: 'Name',
    cron: 'When',
    cronHint:
      'Minute, hour, day of the month, month, day of the week: 0 3 * * 1-5 is at three on working days.',
    zone: 'Time zone',
    next: (name: string) => `Next times of ${name}`,
    last: 'Last run',
    missed: (n: number) =>
      `It also stands for ${count(n, 'time', 'times')} that passed while the server was away.`,
    paused: 'Paused: it begins nothing.',
    pause: 'Pause',
    resume: 'Resume',
    pauseLabel: (name: string, isPaused: boolean) => `${isPaused ? 'Resume' : 'Pause'} ${name}`,
    remove: 'Remove',
    removeLabel: (name: string) => `Remove ${name}`,
    removeTitle: (name: string) => `Remove ${name}?`,
    removeText: 'It begins no more runs. Those that it began stay.',
  },

  newProject: {
    title: 'Add a project',
    kind: 'Where is the repository?',
    ssh: 'On a Git server, over SSH',
    local: 'In a directory of this machine',
    url: 'SSH address',
    urlHint: 'As you would clone it, for example git@example.com:acme/web.git',
    path: 'Directory',
    pathHint: 'Below a directory the operator named with --local-repos',
    name: 'Project name',
    nameHint: 'Lower-case letters, digits and hyphens. It appears in addresses.',
    nameWrong: 'Use lower-case letters, digits and hyphens, starting with a letter or digit.',
    branch: 'Default branch',
    branchHint: 'Found by itself when left empty',
    submit: 'Add the project',
    nextTitle: 'What happens next',
    next: [
      'A fresh key pair is made for this project. Its public half goes to your Git server, read-only.',
      'We contact the server once and show the fingerprint of its host key for you to confirm.',
      'A small hook on the Git server tells us about pushes. Its secret is shown to you once.',
      'The first push starts the first run.',
    ],
  },

  setup: {
    title: 'Set up',
    done: 'Set up',
    register: 'Register the deploy key',
    registerText: 'Add this public key to the repository on your Git server, with read access only.',
    fingerprint: 'Fingerprint',
    localAccess: 'Read the directory',
    access: 'Check access',
    accessText: 'Lists the branches once from a sandbox, as every run will.',
    contact: 'Contact the server',
    contactLocal: 'Look into the directory',
    contacting: 'Contacting',
    contactFailed: 'No access yet',
    accessOk: 'The repository can be read.',
    accessHostKey: 'The server answered. Confirm its host key below; then its branches are listed.',
    seeLog: 'See the log',
    hostKey: 'Confirm the host key',
    hostKeyText:
      'Compare with what the administrator of the Git server publishes. Confirm only if it is equal.',
    hostKeyNone: 'Shown after the first contact.',
    confirm: 'Confirm this fingerprint',
    confirmed: 'Confirmed',
    hook: 'Install the hook',
    hookText:
      'Two files in the bare repository on the Git server. The script needs curl, and sha256sum or openssl there.',
    hookSecretFile: 'hooks/mayfly-secret, mode 0600',
    hookScriptFile: 'hooks/post-receive, mode 0755',
    hookOnce:
      'The secret was opened in this browser and is shown only now. Leave the page, and only a new one can be made.',
    hookGone:
      'The secret was shown once and is not kept readable. If you did not install the hook, make a new secret.',
    rotate: 'Make a new secret',
    rotateWhy: 'The hook that is installed now stops working until it is replaced.',
    hookWaiting: 'Waiting for the first delivery. Push something, or press the test in your Git server.',
    hookReceived: 'Received',
    compatibility: 'Check the configuration',
    compatibilityText:
      'Choose the file of the repository to see what becomes of every construct in it, before anything runs.',
    compatibilityFile: 'Configuration file',
    compatibilityHint: '.circleci/config.yml. It is compiled as a push to main would be, and not kept.',
    compatibilityTooLarge: 'A configuration has at most 3 MiB.',
    compatibilityRead: 'Reading it',
    report: (counts: Readonly<Record<Verdict, number>>) =>
      `${count(
        Object.values(counts).reduce((sum, n) => sum + n, 0),
        'construct',
        'constructs',
      )}: ${Object.entries(counts)
        .filter(([, n]) => n > 0)
        .map(([verdict, n]) => `${n} ${verdict}`)
        .join(', ')}`,
    reportLabel: 'Constructs that are not carried out as written',
    reportColumns: ['Line', 'Construct', 'What becomes of it', 'Instead'],
    reportMore: (n: number) => `${n} more are not shown; mayfly lint --report shows all.`,
    verdict: { honoured: 'honoured', translated: 'translated', ignored: 'ignored', refused: 'refused' },
    firstRun: 'First run',
    firstRunText: 'Push a commit, or start one by hand.',
    start: 'Start a run',
    openProject: 'Open the project',
    unreadable: 'The secret could not be opened. Make a new one.',
    state: { done: 'done', now: 'to do', later: 'later', failed: 'failed', busy: 'in progress' },
  },

  project: {
    setup: 'Setup',
    source: 'Repository',
    defaultBranch: 'Default branch',
    deployKey: 'Deploy key',
    hook: 'Hook address',
    hostKeys: 'Host keys',
    hostKeyOpen: 'not confirmed',
    start: 'Start a run',
    branch: 'Branch or tag',
    allRuns: 'All runs of this project',
    recent: 'Recent runs',
    noRuns: 'No run yet. Push to the repository, or start one by hand.',
    details: 'Details',
    parameters: 'Parameters of the pipeline',
    addParameter: 'Add a parameter',
    parameterName: 'Name',
    parameterType: 'Type',
    parameterValue: 'Value',
    parameterTypes: { string: 'text', integer: 'number', boolean: 'yes or no' },
    removeParameter: (name: string) => (name === '' ? 'Remove this parameter' : `Remove ${name}`),
    yes: 'yes',
    no: 'no',
    settings: 'How runs are handled',
    autoCancel: 'A push ends the runs of earlier pushes to its branch',
    autoCancelHint: 'Never on the default branch, and never a run that somebody started or wanted again.',
    jobsMax: 'Jobs at once',
    noLimit: 'no limit',
    priority: 'Priority',
    priorities: { high: 'high', normal: 'normal', low: 'low' },
    priorityHint: 'How often its jobs have their turn while other projects wait, too. Nobody waits for ever.',
    polling: 'Look for pushes',
    pollingHint:
      'For a Git server that cannot call us: a runner lists branches and tags. The first look starts nothing. A message with [ci skip] is not known by then.',
    pollOff: 'no: the hook tells us',
    pollEvery: (seconds: number) =>
      seconds % 3_600 === 0
        ? every(seconds / 3_600, 'hour', 'hours')
        : seconds % 60 === 0
          ? every(seconds / 60, 'minute', 'minutes')
          : every(seconds, 'second', 'seconds'),
    approvals: 'A job waits for a person',
    approvalsHint:
      'When nobody has answered by then, what needs it is skipped. Counts for jobs that begin to wait.',
    approvers: 'Who approves',
    approversBy: (n: number) => (n === 1 ? 'one person' : `${n} different people`),
    approversRoles: { developer: 'developers and owners', owner: 'owners' },
    approversRole: 'Of the role',
    approversNotSelf: 'Not by who began the run, wanted it again or wrote its commit',
    approversHint:
      'For jobs that wait for a person, also those that wait already. Who pushed is known by the name in the commit only, which anybody may write: two different people are the stronger rule.',
    approvalsNever: 'until somebody answers',
    approvalsAfter: (seconds: number) =>
      seconds % 86_400 === 0
        ? count(seconds / 86_400, 'day', 'days')
        : seconds % 3_600 === 0
          ? count(seconds / 3_600, 'hour', 'hours')
          : count(Math.ceil(seconds / 60), 'minute', 'minutes'),
    untrusted: 'Text from outside in scripts',
    untrustedStop: 'stop the job',
    untrustedKeep: 'put them in as they are',
    untrustedHint:
      'Whoever may push names a branch or a tag. Where such text goes into a script with << >> and could change what it does, the job stops.',
    untrustedRisk:
      'Whoever may name a branch, a tag or a pull request can run commands in jobs of this project.',
    untrustedTitle: 'Let text of strangers into scripts?',
    untrustedText: [
      'Names of branches and tags, titles, authors and subjects then stand in scripts as they were written. A branch named x;curl$IFS-d@key… is run, with the secrets its job has.',
      'A safer way: leave this as it is and read the variable of the environment in quotes, such as "$CIRCLE_BRANCH", which runs nothing.',
    ],
    untrustedNo: 'Leave it as it is',
    untrustedYes: 'Put them in as they are',
    polled: 'Last look',
    polledNever: 'not yet',
    pollNext: 'Next look',
    pollFailures: (n: number) => (n === 1 ? 'The last look failed.' : `The last ${n} looks failed.`),
    save: 'Save',
    saved: 'Saved',
    remove: 'Remove this project',
    removeHint:
      'Its runs, logs, artifacts, caches, schedules, webhooks and keys go with it. The repository stays as it is.',
    removeAsk: 'Remove this project…',
    removeTitle: (name: string) => `Remove ${name}?`,
    removeText: [
      'Everything that it has here is removed for good: runs, logs, files, settings and keys. What the audit log says of it stays.',
      'Before that, cancel its runs that are not over and revoke its secrets: it stays until then. After it, remove the deploy key and the hook on the Git server.',
    ],
    removeYes: 'Remove it for good',
  },
}
