// One job: its attempts, its log, the receipt of its sandbox.
import type { AttemptSummary } from '../../../protocol/api/shapes.ts'
import { count, locale } from './words.ts'

type AttemptCause = AttemptSummary['cause']
const attemptCauses: Readonly<Record<AttemptCause, string>> = {
  start: '',
  retry: ', a retry by itself',
  rerun: ', a rerun',
}

const removedWords = (days: number): string =>
  `were removed: they are kept for ${count(days, 'day', 'days')}. Removed`

export const jobText = {
  expired: {
    title: { log: 'Log removed', tests: 'Test results removed' },
    removed: 'Removed',
    rules: {
      log: (days: number) => `Logs are kept for ${count(days, 'day', 'days')} after the end of an attempt.`,
      tests: (days: number) => `Results of tests are kept for ${count(days, 'day', 'days')}.`,
    },
    stays:
      'What is known of the attempt stays: its steps, their durations, and the receipt of its sandbox. A rerun of the job makes another.',
    artifactsOf: 'Artifacts of',
    testsOf: 'Results of tests of',
    artifacts: removedWords,
    tests: removedWords,
  },

  job: {
    reproduce: 'Run it on your machine',
    reproduceName: 'In a clone of the repository',
    reproduceText:
      'The same compiler and the same kind of sandbox. Secrets of the project are not there: give what the job needs with -s NAME.',
    steps: 'Steps',
    view: 'View',
    views: { log: 'Log', tests: 'Tests' },
    cancelAsked: 'Its end was asked for by',
    attempt: 'Attempt',
    attempts: 'Attempts',
    compare: (attempts: number, shards: number) =>
      [
        attempts > 1 ? count(attempts, 'attempt', 'attempts') : '',
        shards > 1 ? count(shards, 'shard', 'shards') : '',
      ]
        .filter((part) => part !== '')
        .join(' and ')
        .concat(' side by side'),
    /** What somebody can do about what a job waits for, by its reason. */
    advice: {
      no_matching_runner:
        'Start a runner that offers this class, or ask for another one with resource_class in the configuration.',
      unauthorized: 'Owners say who may use a context. Somebody whom its rules admit may rerun the job.',
      concurrency_limit: 'An owner can raise the limit of the project or of the organisation.',
      capacity: 'More places make it start sooner: another runner, or more slots on one.',
      approval: 'Somebody who may approve has to say yes or no.',
      needs: 'It starts by itself when what it needs has ended as it should.',
      rule: 'A filter, a condition or a path rule of the configuration said no; mayfly config simulate says which.',
      policy: 'The configuration asks for something that this installation does not allow.',
      serial_group:
        'It starts by itself when its turn comes; whoever may cancel the holder makes that sooner.',
    } as Readonly<Record<string, string>>,
    runnersLink: 'Runners and what they offer',
    attemptNumber: (n: number) => `Attempt ${n}`,
    attemptOf: (n: number, cause: AttemptCause) => `Attempt ${n}${attemptCauses[cause]}`,
    cancel: 'Cancel this job',
    cancelTitle: (job: string) => `Cancel ${job}?`,
    cancelText:
      'It is asked to stop and has its time to clean up; what needs it is skipped. Other jobs go on.',
    rerun: 'Rerun this job',
    rerunIn: 'Rerun in another class',
    rerunInTitle: (job: string) => `Rerun ${job} in another class`,
    rerunInText:
      'Nothing else of the job changes. It stays in that class for this run; other runs ask for what their configuration says.',
    rerunInNo: 'Not now',
    rerunInNow: (name: string) => `${name}, as now`,
    class: 'Class',
    retried: 'Tried again by itself after a failure of the installation.',
    shards: 'Shards',
    runner: 'Runner',
    image: 'Image',
    waitingTitle: 'Not started yet',
    phase: {
      opening: 'Building the sandbox',
      fetching: 'Fetching the commit',
      running: 'Running',
      closing: 'Destroying the sandbox',
    } as Readonly<Record<string, string>>,
    stages: 'Stages',
    stageNames: {
      queue: 'In the queue',
      sandbox: 'Sandbox',
      checkout: 'Checkout',
      prepare: 'Files and keys',
      steps: 'Steps',
      save: 'Saving files',
      teardown: 'Destroying the sandbox',
    },
    /** The one that lasts. */
    stagesNow: {
      queue: 'Waiting in the queue',
      sandbox: 'Building the sandbox',
      checkout: 'Checking out',
      prepare: 'Bringing files and keys',
      steps: 'Running its steps',
      save: 'Saving files',
      teardown: 'Destroying the sandbox',
    },
    firstCommand: (duration: string) => `first command after ${duration}`,
    noAttempt: 'No attempt was made.',
    exitCode: (code: number) => `exit code ${code}`,
    leftovers: (n: number) => `${count(n, 'process', 'processes')} left behind and ended`,
    needsOf: 'Needs',
    infrastructure: 'This is a failure of the installation, not of your project.',
    lastHeard: 'Its runner was last heard of',
    neverHeard: 'Its runner was not heard of after it took the job.',
    retriedAs: 'It was tried again by itself:',
    notRetried: 'It is not tried again by itself: that happens once.',
    backToRun: (n: number) => `Run ${n}`,
  },

  log: {
    title: 'Log',
    label: (job: string) => `Log of ${job}`,
    timestamps: 'Timestamps',
    timestampsOff: 'off',
    timestampsRelative: 'since start',
    timestampsAbsolute: 'time of day',
    wrap: 'Wrap',
    follow: 'Follow',
    download: 'Download',
    downloads: {
      text: 'Text',
      ansi: 'As it was written',
      html: 'A page with colours',
      ndjson: 'JSON lines',
    },
    downloadsAbout: {
      text: 'as a terminal shows it, without colours',
      ansi: 'with its escape sequences, byte for byte',
      html: 'one file, without scripts',
      ndjson: 'one object for each line',
    },
    before: 'Before the steps',
    lines: (n: number) => count(n, 'line', 'lines'),
    newLines: (n: number) => count(n, 'new line', 'new lines'),
    toEnd: 'To the end',
    empty: 'Nothing was printed yet.',
    emptyDone: 'Nothing was printed.',
    refused: (why: string) => `The log cannot be shown: ${why}`,
    line: (n: number) => `Line ${n}`,
    cut: (n: number) => `… ${n.toLocaleString(locale)} more characters`,
    chosen: (from: number, to: number) =>
      from === to
        ? `Line ${from.toLocaleString(locale)}`
        : `Lines ${from.toLocaleString(locale)} to ${to.toLocaleString(locale)}`,
    copyLink: 'Copy link',
    copyText: 'Copy text',
    copyQuote: 'Copy as quotation',
    copyRequest: 'curl',
    clearChosen: 'Choose no lines',
    missing: (from: number, to: number) =>
      from === to
        ? `Line ${from.toLocaleString(locale)} was not received.`
        : `Lines ${from.toLocaleString(locale)} to ${to.toLocaleString(locale)} were not received.`,
    behind: 'Part of the log could not be fetched. Trying again.',
    pause: (duration: string) => `nothing for ${duration}`,
    group: 'Group',
    findGroups: 'Find groups',
    findingGroups: 'Looking for groups',
    onlyMatches: 'Only matches',
    around: 'Lines around a match',
    aroundLines: (n: number) => (n === 0 ? 'none around' : `${n} around`),
    leftOut: (n: number) => `${count(n, 'line', 'lines')} left out`,
    showLeftOut: (n: number) => `${count(n, 'line', 'lines')} left out: show more`,
    noMatchShown: 'No line matches, so none is shown. End the search to see all of them.',
    foldAll: 'Fold all',
    unfoldAll: 'Unfold all',
    noOutput: 'no output',
    pin: 'Pin as the error',
    pinned: 'pinned as the error',
    pinnedBy: 'pinned as the error',
    pinnedLine: (line: number, step: string) => `Line ${line.toLocaleString(locale)} of ${step}`,
    unpin: 'Unpin',
    leadsTo: (address: string) => `Leads to ${address}`,
    leaveTitle: (host: string) => `To ${host}?`,
    leaveText: 'The job wrote the words of this link, and they are not where it leads:',
    leaveTo: 'It leads to',
    leaveNo: 'Stay here',
    leaveCopy: 'Copy the address',
    leaveYes: 'Open in a new tab',
    masked: (name: string) => `Masked: the value of the secret ${name}`,
    loading: 'Loading the log',
    find: 'Find in the log',
    findHint: 'Find, or :line',
    regex: 'Regular expression',
    plain: 'Plain list',
    earlier: 'Earlier lines',
    later: 'Later lines',
    linesOf: (from: number, to: number, n: number) =>
      `lines ${from.toLocaleString(locale)} to ${to.toLocaleString(locale)} of ${n.toLocaleString(locale)}`,
    rowsOf: (from: number, to: number, n: number) =>
      `${from.toLocaleString(locale)} to ${to.toLocaleString(locale)} of ${n.toLocaleString(locale)} shown`,
    regexSign: '.*',
    matchCase: 'Match case',
    matchCaseSign: 'Aa',
    failures: 'Failures',
    nextMatch: 'Next match',
    previousMatch: 'Previous match',
    clearFind: 'End the search',
    elsewhere: 'Look in other attempts',
    elsewhereLooking: 'Looking …',
    elsewhereFound: (lines: number, attempts: number) =>
      attempts === 0
        ? 'No other attempt was looked at.'
        : `${lines === 0 ? 'No line' : count(lines, 'line', 'lines')} in ${count(attempts, 'other attempt', 'other attempts')}.`,
    elsewhereStopped: {
      time: 'Not all was looked at: the time of a search was over.',
      memory: 'Not all was looked at: it took more memory than a search may.',
      bytes: 'Not all was looked at: the logs are longer than a search may read.',
      attempts: 'Not all was looked at: there are more attempts than a search may read.',
    },
    elsewhereClose: 'Close what was found in other attempts',
    elsewhereLabel: 'Found in other attempts',
    elsewhereAttempt: (n: number) => `Attempt ${n}`,
    elsewhereLines: (lines: number, shown: number) =>
      lines > shown
        ? `${count(lines, 'line', 'lines')}, the first ${shown.toLocaleString(locale)} shown`
        : count(lines, 'line', 'lines'),
    elsewhereExpired: (attempts: string) => `The log of attempt ${attempts} was removed by retention.`,
    elsewherePart: '· only part of its log was looked at',
    notARegex: 'This is no regular expression.',
    notWhole: 'Part of the log could not be fetched.',
    tooSlow: 'The search took too long and was ended.',
    matches: (at: number, n: number, isAll: boolean) =>
      n === 0
        ? 'No match'
        : `${at === 0 ? '' : `${at.toLocaleString(locale)} of `}${n.toLocaleString(locale)}${isAll ? '' : '+'}`,
    searched: (part: number) => `${Math.round(part * 100)} % searched`,
  },

  /** What the probes showed of an isolation; `none`: one of them did not hold, or could not be tried. */
  tier: {
    none: 'not fully shown',
    container: 'shown to be a container',
    rootless: 'rootless: memory and processor not limited',
  } as Readonly<Record<string, string>>,

  receipt: {
    title: 'Sandbox receipt',
    none: 'Written when the sandbox is gone.',
    noSandbox: 'No sandbox was opened for this attempt.',
    verified: 'Signature fits the runner’s key',
    unverified: 'Signature does not fit the runner’s key',
    isolation: 'Isolation',
    image: 'Image',
    created: 'Created',
    destroyed: 'Destroyed',
    took: (duration: string) => `in ${duration}`,
    storage: 'Storage',
    storageWords: { ram: 'memory only', disk: 'disk' } as Readonly<Record<string, string>>,
    network: 'Network',
    networkWords: {
      none: 'none',
      list: 'listed hosts only',
      open: 'open, private ranges closed',
    } as Readonly<Record<string, string>>,
    secrets: 'Secrets',
    noSecrets: 'none',
    proven: 'Released for',
    provenFor: (commit: string, ref: string, repository: string, isTip: boolean) =>
      `${commit}, ${isTip ? 'the newest commit' : 'an older commit'} of ${ref} in ${repository}, compiled again by the runner`,
    peak: 'Peak memory',
    proof: 'Proof of destruction',
    proofOk: 'shown',
    proofBad: 'not shown',
    weak: 'Weaker than it could be',
    notes: 'Notes',
    hostToolchain: (image: string) => `Ran on the toolchain of the host instead of ${image}.`,
    hostToolchainPlain: 'Ran on the toolchain of the host.',
    raw: 'Signed receipt',
  },
}
