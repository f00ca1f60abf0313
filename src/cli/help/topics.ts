// What is true of every verb, to be read by subject: `mayfly help exit-codes`. The same words stand in the manual (man.ts). Tests compare
// the codes with those that there are, and the variables with those that are read.

/** A paragraph, or terms with what they mean. */
export type TopicPart = string | readonly (readonly [term: string, about: string])[]
export type Topic = { readonly about: string; readonly parts: readonly TopicPart[] }

export const exitCodeWords: readonly (readonly [code: string, about: string])[] = [
  ['0', 'success; of `watch`, `runs wait` and `run`: it passed'],
  ['1', 'the run, job or check ended badly, or an error without a code of its own'],
  ['2', 'wrong usage: a word, option or value that is none'],
  ['3', 'not signed in, or not allowed'],
  ['4', 'the server, or the way to it: a script may try again'],
  ['5', 'not found'],
  ['6', 'the run was cancelled'],
  ['7', 'the configuration is invalid'],
  ['8', 'the time to wait was over first'],
  ['9', 'the run waits for a person'],
  ['11', 'this machine lacks something: `mayfly doctor` says what'],
  ['70', 'a defect in Mayfly: please report it'],
  ['130', 'interrupted'],
]

export const variableWords: readonly (readonly [name: string, about: string])[] = [
  ['MAYFLY_URL', 'the installation to talk to; without MAYFLY_TOKEN by what `login` keeps for it'],
  ['MAYFLY_PROJECT', 'the project, where -R names none'],
  ['MAYFLY_BRANCH', 'the branch, where -b names none'],
  ['MAYFLY_TOKEN', 'the token for it; in a file or CI secret, never in a command line'],
  ['MAYFLY_DATA', 'where the installation of this machine keeps its data'],
  ['NO_COLOR', 'set to anything: no colours, on terminals too'],
  ['CLICOLOR_FORCE', 'set, and not 0: colours, into pipes too'],
  ['PAGER', 'shows what is longer than the terminal: a program and its arguments, as `less -R`'],
  ['CI', 'set, and neither 0 nor false: nothing is asked for, as with --no-input'],
  ['XDG_CONFIG_HOME', 'above what is yours: sign-ins, signing key, pinned keys, links (~/.config)'],
  ['XDG_CACHE_HOME', 'above caches of `mayfly run --cache` (~/.cache)'],
  ['XDG_DATA_HOME', 'above the data of an installation without root (~/.local/share)'],
  ['XDG_RUNTIME_DIR', 'above its sockets'],
]

export const topics: Readonly<Record<string, Topic>> = {
  authentication: {
    about: 'who you are to which installation',
    parts: [
      'The installation that is named: by -R HOST/ORG/NAME, MAYFLY_URL (with MAYFLY_TOKEN), or the link of the work tree. Where none is: the one that runs on this machine, when its socket is yours to open (then you are its operator); else where you signed in last. `mayfly settings --origin` says which.',
      'A token is made with `mayfly token create NAME --scope run.view` or on the page of your account, has scopes and an end, and may be limited to projects. `mayfly login URL --token-stdin < FILE` tries it and keeps it in a file that only you can read; `mayfly whoami` says who you are and `mayfly logout` forgets it. Each installation has its own, which is sent nowhere else, and over TLS only except to this machine.',
      'Secrets are signed with a key of yours besides: `mayfly secrets signer enrol`.',
    ],
  },
  environment: { about: 'variables that are read', parts: [variableWords] },
  'exit-codes': {
    about: 'what the exit code of every verb means',
    parts: [
      exitCodeWords,
      'They are those of the CircleCI command line from 0 to 8. An error also names a number such as MF4004: `mayfly explain MF4004` says why, and what to do.',
    ],
  },
  formatting: {
    about: 'tables, colours, and what goes where',
    parts: [
      'The result goes to standard output, everything else to standard error. On a terminal lists are tables that fit it; into a pipe or file they are lines with tabs between the cells and no heading.',
      [
        ['--color auto', 'colours on terminals only; NO_COLOR and CLICOLOR_FORCE count'],
        ['--color always', 'into pipes too, for `less -R`'],
        ['--color never', 'none, and those of jobs are taken out of logs'],
        ['--no-input', 'nothing is asked for; an error names the option that says it'],
        ['--yes', 'of verbs that cannot be taken back: nothing is asked on a terminal'],
        ['--debug', 'requests and answers as lines on standard error, without credentials'],
      ],
      'Lists and logs that are longer than a terminal go through PAGER, if it is set; it is no command line of a shell, and gets no other variables than those of terminals and languages. --no-input and CI switch it off.',
      'They stand anywhere behind `mayfly`. Words of jobs and people are shown as text: what could steer a terminal stands as a sign (`mayfly logs --raw` leaves it).',
    ],
  },
  json: {
    about: 'output for programs',
    parts: [
      [
        ['--json', 'one line of JSON: the object that the API answers'],
        ['--json=id,status', 'only these fields of it, or of each item of a list'],
      ],
      'Lists are `{"items": […], "next_cursor": null}`. Fields are added with time, none is taken away or renamed without a word in the changelog: leave alone what you do not know. What streams is a line for each event.',
      'With --json an error is problem JSON on standard error as the API answers it, and the exit code is the same as without. For more than fields use jq: `mayfly runs list --json | jq -r ".items[].id"`.',
    ],
  },
  refs: {
    about: 'how to name a run or a job',
    parts: [
      [
        ['(nothing)', 'the newest run of the branch of this work tree, or of -b'],
        ['412 or #412', 'the run of this number, of the project of this work tree or of -R'],
        ['412/test', 'its job `test`; -j test says the same'],
        ['412/test.2', 'the third of its parallel copies: they are counted from 0'],
        ['https://…/runs/412', 'an address copied from the browser'],
        ['run_…', 'an id, as --json has it'],
      ],
      'The project is that of -R (also ORG/NAME or HOST/ORG/NAME), else of MAYFLY_PROJECT, else of `mayfly link`, else the one whose repository is this work tree, else the only one there is. The branch is that of -b, else of MAYFLY_BRANCH, else of this work tree. `mayfly settings --origin` says what that comes to.',
    ],
  },
}
