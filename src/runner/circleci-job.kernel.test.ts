// What config-dialects.md §2.13–2.15 promises to the steps of a job, each line compiled from a configuration and carried
// out behind the real wall: the namespace driver with its jailer, real shells. Needs root.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { noContinuing } from '../../test/support/continuing.ts'
import { noStores } from '../../test/support/stores.ts'
import { formatId, uuid7 } from '../base/ids.ts'
import { silentLog } from '../base/log.ts'
import { Secret } from '../base/secret.ts'
import { compile } from '../compile/index.ts'
import { openLocalSandboxes } from '../main/local-sandboxes.ts'
import { testTimingsPath } from '../protocol/job-commands.ts'
import type { ChangeFacts, Outcome, PlanJob, RunEvent } from '../protocol/plan.ts'
import type { JobFacts } from '../protocol/runner-wire.ts'
import type { TestCase } from '../protocol/test-results.ts'
import { classes } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import { runJobAttempt } from './attempt.ts'
import type { Identity } from './identity/server-identity.ts'
import type { AttemptDeps } from './job-attempt.ts'
import type { Stores } from './stores/stores.ts'
import type { TreeSource } from './tree-source.ts'

type Step = string | Readonly<Record<string, unknown>>
type Line = {
  readonly shows: string
  readonly steps: readonly Step[]
  /** Keys of the job besides its steps. */
  readonly job?: Readonly<Record<string, unknown>>
  readonly event?: Partial<RunEvent>
  readonly shard?: number
  readonly startedBy?: string
  readonly change?: ChangeFacts
  readonly secrets?: Readonly<Record<string, string>>
  /** What earlier runs and attempts stored. */
  readonly tests?: Readonly<Record<'timings' | 'failed', readonly TestCase[]>>
  /** Which caches are asked for; there are none. */
  readonly caches?: 'all' | 'protected'
  /** What the log of each step is or holds, by its number; what is not named is not looked at. */
  readonly logs?: Readonly<Record<number, string | RegExp>>
  /** `passed` everywhere, unless it is said. */
  readonly statuses?: readonly string[]
  readonly outcome?: Outcome
}

const run = (command: string, more: Readonly<Record<string, unknown>> = {}): Step => ({
  run: { command, ...more },
})
const shown = (names: readonly string[]): Step =>
  run(names.map((name) => `echo "${name}=\${${name}-unset}"`).join('\n'))

const stored = (file: string, ms: number): TestCase => ({
  ...{ outcome: 'passed', name: `works in ${file}`, class: '', file, ms, message: '' },
})

const environment: readonly Line[] = [
  {
    shows: 'the built-in variables are facts of the run',
    steps: [
      run('env | grep -E "^(CI|CIRCLE.*)=" | LC_ALL=C sort'),
      run(
        '[ -d "$CIRCLE_INTERNAL_TASK_DATA" ]; echo x >"$CIRCLE_INTERNAL_TASK_DATA/mine"; [ "$CIRCLE_SHELL_ENV" = "$BASH_ENV" ]',
      ),
    ],
    logs: {
      1: `CI=true
CIRCLECI=true
CIRCLE_BRANCH=feature/x
CIRCLE_BUILD_NUM=70012
CIRCLE_BUILD_URL=https://ci.example/acme/app/runs/7/jobs/a?workflow=w
CIRCLE_INTERNAL_TASK_DATA=/tmp/.mayfly-task
CIRCLE_JOB=a
CIRCLE_NODE_INDEX=0
CIRCLE_NODE_TOTAL=1
CIRCLE_ORGANIZATION_ID=${formatId('organisation', uuid7(1, new Uint8Array(10)))}
CIRCLE_PIPELINE_ID=${formatId('run', uuid7(1, new Uint8Array(10)))}
CIRCLE_PROJECT_ID=${formatId('project', uuid7(1, new Uint8Array(10)))}
CIRCLE_PROJECT_REPONAME=app
CIRCLE_PROJECT_USERNAME=acme
CIRCLE_REPOSITORY_URL=git@code.example:acme/app.git
CIRCLE_SHA1=${'a'.repeat(40)}
CIRCLE_SHELL_ENV=/tmp/.mayfly-bash-env
CIRCLE_WORKFLOW_ID=${formatId('workflow', uuid7(1, new Uint8Array(10)))}
CIRCLE_WORKFLOW_JOB_ID=${formatId('job', uuid7(1, new Uint8Array(10)))}
CIRCLE_WORKFLOW_WORKSPACE_ID=${formatId('workflow', uuid7(1, new Uint8Array(10)))}
CIRCLE_WORKING_DIRECTORY=/home/ci/project
`,
    },
  },
  {
    shows: 'who started the run by hand has a name',
    startedBy: 'A. Person',
    steps: [shown(['CIRCLE_USERNAME'])],
    logs: { 1: 'CIRCLE_USERNAME=A. Person\n' },
  },
  {
    shows: 'the pull request that somebody told of has a page; its texts are data',
    change: { pullRequest: { number: 7, url: 'https://code.example/acme/app/pull/7;$(id)', title: '`id`' } },
    steps: [
      shown(['CIRCLE_PULL_REQUEST', 'CIRCLE_PULL_REQUESTS', 'CIRCLE_PR_NUMBER']),
      run(`echo "\${CIRCLE_PULL_REQUEST##*/}"`),
    ],
    logs: {
      1: [
        'CIRCLE_PULL_REQUEST=https://code.example/acme/app/pull/7;$(id)',
        'CIRCLE_PULL_REQUESTS=https://code.example/acme/app/pull/7;$(id)',
        'CIRCLE_PR_NUMBER=unset\n',
      ].join('\n'),
      2: '7;$(id)\n',
    },
  },
  {
    shows: 'a tag is no branch, and what nobody knows is unset',
    event: { ref: 'refs/tags/v1', branch: null, tag: 'v1' },
    steps: [
      shown(
        [
          'CIRCLE_TAG',
          'CIRCLE_BRANCH',
          'CIRCLE_PULL_REQUEST',
          'CIRCLE_PULL_REQUESTS',
          'CIRCLE_PR_NUMBER',
        ].concat([
          ...['CIRCLE_PR_REPONAME', 'CIRCLE_PR_USERNAME', 'CIRCLE_USERNAME', 'CIRCLE_PREVIOUS_BUILD_NUM'],
          ...['CIRCLE_OIDC_TOKEN', 'CIRCLE_OIDC_TOKEN_V2', 'CIRCLE_CONTINUATION_KEY', 'CIRCLE_COMPARE_URL'],
          ...['CIRCLE_STAGE', 'CIRCLE_TEST_REPORTS', 'CIRCLE_ARTIFACTS'],
        ]),
      ),
    ],
    logs: { 1: /^CIRCLE_TAG=v1\n(CIRCLE_\w+=unset\n){15}$/ },
  },
  {
    shows: 'assignment over step over job over built-in over secrets; nothing is expanded',
    job: { environment: { A: 'job', B: 'job', CIRCLE_JOB: 'renamed', RAW: `$A \${B} 'x'` } },
    secrets: { A: 'secret', SECRET: 'a secret value', CIRCLE_SHA1: 'forged' },
    steps: [
      run('A=own; echo "$A $B $CIRCLE_JOB $RAW"; [ "$SECRET" = "a secret value" ]; echo "$CIRCLE_SHA1"', {
        environment: { B: 'step' },
      }),
      run('echo "$A $B"'),
    ],
    logs: { 1: `own step renamed $A \${B} 'x'\n${'a'.repeat(40)}\n`, 2: 'job job\n' },
  },
  {
    shows: 'the environment of the container is below that of the job',
    job: {
      docker: [{ image: 'x', environment: { A: 'container', B: 'container' } }],
      environment: { A: 'job' },
    },
    steps: [run('echo "$A $B"')],
    logs: { 1: 'job container\n' },
  },
  {
    shows: 'BASH_ENV is there and empty; what is exported into it reaches later steps, in bash only',
    steps: [
      run('[ -f "$BASH_ENV" ]; [ ! -s "$BASH_ENV" ]; echo "export LATER=yes" >>"$BASH_ENV"; echo "[$LATER]"'),
      run('echo "[$LATER]"'),
      run('echo "[$LATER]"', { shell: '/bin/sh -e' }),
    ],
    logs: { 1: '[]\n', 2: '[yes]\n', 3: '[]\n' },
  },
  {
    shows: 'a job may set BASH_ENV itself',
    job: { environment: { BASH_ENV: '/tmp/mine' } },
    steps: [run('[ ! -e "$BASH_ENV" ]; echo "X=from-mine" >/tmp/mine'), run('echo "$BASH_ENV $X"')],
    logs: { 2: '/tmp/mine from-mine\n' },
  },
  {
    shows: 'cd, variables and functions end with their step; files stay',
    steps: [
      run('cd /tmp; V=1; export V; f() { :; }; touch ~/project/kept'),
      run('pwd; echo "[$V]"; ls; type f', { when: 'always' }),
    ],
    statuses: ['passed', 'failed'],
    logs: { 2: /^\/home\/ci\/project\n\[\]\nkept\n/ },
    outcome: 'failed',
  },
  {
    shows: 'each copy of a job knows its number and how many there are',
    job: { parallelism: 3 },
    shard: 2,
    steps: [
      run('echo "$CIRCLE_NODE_INDEX of $CIRCLE_NODE_TOTAL"; printf "c\\nb\\na\\n" | circleci tests split'),
    ],
    logs: { 1: '2 of 3\nc\n' },
  },
]

const shells: readonly Line[] = [
  {
    shows: 'the default shell is bash -eo pipefail, no login shell',
    steps: [
      run(
        'echo "$- in bash $BASH_VERSION"; shopt -q login_shell || echo plain; set -o | grep pipefail; false | cat; echo no',
      ),
    ],
    logs: { 1: /^e\w*B in bash [5-9]\S+\nplain\npipefail\s+on\n$/ },
    statuses: ['failed'],
    outcome: 'failed',
  },
  {
    shows: 'a shell of several words, with a trailing -c taken off, of the job or the step',
    job: { shell: '/bin/bash -c' },
    steps: [
      run('false; echo "goes on $-"'),
      run('false | true; echo "in sh"; false', { shell: '/bin/sh -eu' }),
      run('print "in perl\\n"', {
        shell: '/usr/bin/perl -w',
        when: 'always',
      }),
    ],
    logs: { 1: /^goes on /, 2: 'in sh\n', 3: 'in perl\n' },
    statuses: ['passed', 'failed', 'passed'],
    outcome: 'failed',
  },
  {
    shows: 'a shell that is not in the image fails its step in words',
    steps: [run('x', { shell: '/bin/no-such-shell -e' })],
    logs: { 1: /no-such-shell/ },
    statuses: ['failed'],
    outcome: 'failed',
  },
  {
    shows: 'both streams are one, in their order',
    steps: [run('for i in 1 2 3; do echo out$i; echo err$i >&2; done')],
    logs: { 1: 'out1\nerr1\nout2\nerr2\nout3\nerr3\n' },
  },
]

const directories: readonly Line[] = [
  {
    shows: 'a working directory below the home is made; a relative one is below the home too',
    job: { working_directory: 'new/deep er' },
    steps: [run('pwd; echo "$CIRCLE_WORKING_DIRECTORY"'), run('mkdir sub')],
    logs: { 1: '/home/ci/new/deep er\n/home/ci/new/deep er\n' },
  },
  {
    shows: 'a working directory is made whatever the PATH of the job is',
    job: { working_directory: '~/fresh', environment: { PATH: '/nowhere' } },
    steps: [run('echo "$PWD $PATH"')],
    logs: { 1: '/home/ci/fresh /nowhere\n' },
  },
  ...['/go/src/example.org/app', '/app', '/root/project'].map((directory) => ({
    shows: `a job can work in ${directory}`,
    job: { working_directory: directory },
    steps: [run('echo "$PWD" >file; cat file')],
    logs: { 1: `${directory}\n` },
  })),
  {
    shows: 'the home is known by the name that the images of the dialect have for it',
    job: { working_directory: '/home/circleci/project' },
    steps: [run('touch here; [ -e ~/project/here ]')],
  },
  {
    shows: 'a directory that the job may not make fails its first step in words',
    job: { working_directory: '/opt/mine' },
    steps: [run('echo no')],
    logs: { 1: /^mkdir: .*\/opt\/mine.*\n$/ },
    statuses: ['failed'],
    outcome: 'failed',
  },
  {
    shows:
      'the directory of a step is seen from that of the job, or is absolute, or begins at ~; it is not made',
    job: { working_directory: '~/w' },
    steps: [
      run('mkdir sub; pwd'),
      run('pwd', { working_directory: 'sub' }),
      run('pwd', { working_directory: '/tmp' }),
      run('pwd', { working_directory: '~' }),
      run('pwd', { working_directory: 'missing' }),
    ],
    logs: { 1: '/home/ci/w\n', 2: '/home/ci/w/sub\n', 3: '/tmp\n', 4: '/home/ci\n', 5: /missing/ },
    statuses: ['passed', 'passed', 'passed', 'passed', 'failed'],
    outcome: 'failed',
  },
]

/** Decision 0037. */
const hostTools: readonly Line[] = [
  {
    shows: 'homes of the users of well-known images are the home, and their names are the job',
    steps: [
      run(
        'for name in circleci node ubuntu; do touch /home/$name/of-$name; id -u $name; done; ls ~ | grep ^of-',
      ),
      run('chown node:node ~/of-node; stat -c %U ~/of-node; mkdir /root/x; cd ~circleci/x; pwd; pwd -P'),
    ],
    logs: {
      1: '1000\n1000\n1000\nof-circleci\nof-node\nof-ubuntu\n',
      2: 'ci\n/home/circleci/x\n/home/ci/x\n',
    },
  },
  {
    shows: 'sudo goes on as the user of the job, whatever its options',
    steps: [
      run(
        `sudo -E -u root A="a b" sh -c 'echo "$A $(id -u)"'; sudo -nu postgres -- printf '%s,' 'x y' z; sudo`,
      ),
      run(
        `sudo -i echo 'a  b'; sudo --user=root -Hg root true; sudo -u root false || echo $?; echo 'echo $0' | sudo -s`,
      ),
    ],
    logs: { 1: 'a b 1000\nx y,z,', 2: 'a  b\n1\n/bin/bash\n' },
  },
  {
    shows: 'apt-get installs nothing: what the machine has is enough, what it lacks fails by name',
    steps: [
      run(
        'sudo apt-get update && sudo DEBIAN_FRONTEND=x apt-get install -qq -y -o A=b bash=5.2 tar:amd64 2>&1',
      ),
      run('apt install -y bash not-a-package'),
    ],
    logs: {
      1: /^apt-get: nothing to do: [^\n]*\napt-get: on this machine already: bash tar\n$/,
      2: /^apt: on this machine already: bash\napt: not on this machine: not-a-package; [^\n]*\n$/,
    },
    statuses: ['passed', 'failed'],
    outcome: 'failed',
  },
  {
    shows: 'what npm installs for all users is on the PATH, also by sudo',
    steps: [
      run(`mkdir tool && cd tool && echo '{"name":"tool","version":"1.0.0","bin":"./tool.js"}' >package.json
printf '#!/usr/bin/env node\\nconsole.log("a tool")\\n' >tool.js && npm pack --silent
sudo npm install --global --offline --silent ./tool-1.0.0.tgz`),
      run('tool; command -v tool'),
    ],
    logs: { 2: 'a tool\n/home/ci/.local/bin/tool\n' },
  },
  {
    shows: 'a terminal that can nothing, and the time that images have',
    steps: [run('echo "$TERM"; date +%Z; TZ=Asia/Tokyo date +%Z')],
    logs: { 1: 'dumb\nUTC\nJST\n' },
  },
]

const ends: readonly Line[] = [
  {
    shows:
      'after a failure on_success steps are left out, always and on_fail run; without one on_fail does not',
    steps: [
      run('echo told', { when: 'on_fail' }),
      run('exit 3'),
      run('echo no'),
      run('echo always', { when: 'always' }),
      run('echo failed', { when: 'on_fail' }),
    ],
    statuses: ['skipped', 'failed', 'skipped', 'passed', 'passed'],
    logs: { 1: '', 3: '', 4: 'always\n', 5: 'failed\n' },
    outcome: 'failed',
  },
  {
    shows: 'a teardown follows its step however that ended, and no step that was left out',
    steps: [
      run('exit 3', {
        teardown: [{ run: 'echo cleaned' }, { run: { command: 'echo told', when: 'on_fail' } }],
      }),
      run('echo no', { teardown: [{ run: 'echo no' }] }),
      run('echo always', { when: 'always', teardown: [{ run: 'echo again' }] }),
    ],
    statuses: ['failed', 'passed', 'passed', 'skipped', 'skipped', 'passed', 'passed'],
    logs: { 2: 'cleaned\n', 3: 'told\n', 5: '', 7: 'again\n' },
    outcome: 'failed',
  },
  {
    shows: 'step halt ends the job well after its step, always-steps are left out',
    steps: [run('circleci step halt; echo after'), run('no'), run('no', { when: 'always' })],
    statuses: ['passed', 'skipped', 'skipped'],
    logs: { 1: 'after\n' },
  },
  {
    shows: 'a job that had failed stays failed when a step halts it',
    steps: [run('false'), run('circleci-agent step halt', { when: 'always' }), run('no', { when: 'always' })],
    statuses: ['failed', 'passed', 'skipped'],
    outcome: 'failed',
  },
  {
    shows: 'a background step does not hold the others, may fail, and is killed at the end',
    steps: [
      run('touch /tmp/up; sleep 600', { background: true }),
      run('echo $$ >/tmp/failing; exit 4', { background: true }),
      // Until the other has been buried: one that still ran would be killed, and would not have failed.
      run(
        'until [ -e /tmp/up -a -s /tmp/failing ] && ! kill -0 $(cat /tmp/failing); do sleep 0.01; done 2>/dev/null; echo seen',
      ),
    ],
    logs: { 3: 'seen\n' },
    statuses: ['passed', 'failed', 'passed'],
  },
  {
    shows: 'a step that says nothing for too long has timed out; output starts the time anew',
    steps: [
      run('for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done', { no_output_timeout: '0.5s' }),
      run('sleep 600', { no_output_timeout: '0.3s' }),
      run('echo cleaned', { when: 'always' }),
    ],
    logs: { 2: /stopped: no output for 300ms\n$/, 3: 'cleaned\n' },
    statuses: ['passed', 'timed_out', 'passed'],
    outcome: 'timed_out',
  },
  {
    shows: 'a step is rerun until it passes, after its delay; what it wrote is still there',
    steps: [
      run('date +%s%N >>/tmp/tries; [ $(wc -l </tmp/tries) = 3 ]', {
        max_auto_reruns: 4,
        auto_rerun_delay: '1s',
      }),
      run('read -d "" a b c </tmp/tries || true; [ $(((c - a) / 1000000)) -ge 2000 ]; wc -l </tmp/tries'),
    ],
    logs: { 1: 'exit code 1; automatic rerun 1 of 4\nexit code 1; automatic rerun 2 of 4\n', 2: '3\n' },
  },
  {
    shows: 'a step that never passes is rerun as often as it says and no more',
    steps: [run('echo try; exit 9', { max_auto_reruns: 2 }), run('no')],
    logs: { 1: 'try\nexit code 9; automatic rerun 1 of 2\ntry\nexit code 9; automatic rerun 2 of 2\ntry\n' },
    statuses: ['failed', 'skipped'],
    outcome: 'failed',
  },
  {
    shows: 'deploy is run where there is one copy of the job',
    steps: [{ deploy: { name: 'to the moon', command: 'echo "$CIRCLE_JOB"' } }],
    logs: { 1: 'a\n' },
  },
]

const hostile = "'-n' 'a b' '*' '$(touch owned)' '`touch owned`' '\\' '\"' \"'\" '[x]' '{a,b}'"

const commands: readonly Line[] = [
  {
    shows: 'tests glob finds files by every form of a pattern, and names are only names',
    steps: [
      run(`mkdir -p src/deep t; cd src; touch -- ${hostile} deep/c.js; cd ..; touch t/x1.js t/x2.js t/y.ts`),
      run("circleci tests glob 'src/*' '{t,nothing}/x?.js' 't/[!x].{ts,rb}' '**/c.js'; [ ! -e owned ]"),
      run("cd src; circleci-agent tests glob '*' | grep -c .; circleci tests glob '-*'"),
    ],
    logs: {
      2: [
        ...[
          'src/"',
          'src/$(touch owned)',
          "src/'",
          'src/*',
          'src/-n',
          'src/[x]',
          'src/\\',
          'src/`touch owned`',
        ],
        ...['src/a b', 'src/deep', 'src/deep/c.js', 'src/{a,b}', 't/x1.js', 't/x2.js', 't/y.ts', ''],
      ].join('\n'),
      3: '11\n./-n\n',
    },
  },
  {
    shows: 'tests split deals every name once, whatever it is, by name, size and timings',
    steps: [
      run(`printf '%s\\n' ${hostile} x y | LC_ALL=C sort >/tmp/all; head -c 5000 /dev/zero >x`),
      ...['name', 'filesize', 'timings'].map((by) =>
        run(`for i in 0 1 2; do circleci tests split --split-by=${by} --index $i --total 3 /tmp/all; done >/tmp/dealt
LC_ALL=C sort /tmp/dealt | cmp - /tmp/all; [ ! -e owned ]; circleci tests split --split-by=${by} --index=0 --total=3 --show-counts </tmp/all | wc -l`),
      ),
    ],
    logs: {
      2: 'circleci: node 0 of 3: 4 of 12 names\n4\n',
      3: /^circleci: node 0 of 3: \d+ of 12 names\n\d+\n$/,
      4: /no timing data for this job: falling back to splitting by name/,
    },
  },
  {
    shows: 'tests split uses timings where there are some',
    steps: [
      run(
        `printf 'filename\\t9000\\tslow\\nfilename\\t10\\tone\\nfilename\\t10\\ttwo\\n' >${testTimingsPath}`,
      ),
      run(
        'printf "one\\ntwo\\nslow\\n" | circleci tests split --split-by=timings --timings-type=filename --index=0 --total=2',
      ),
    ],
    logs: { 2: 'slow\n' },
  },
  {
    shows: 'tests split goes by the times of tests that were stored, tests run by what failed before',
    steps: [
      run('printf "%s\\n" one slow two | circleci tests split --split-by=timings'),
      run('printf "%s\\n" one ./slow two | circleci tests run --command=cat'),
      run('stat -c %a "$CIRCLE_INTERNAL_TASK_DATA"/*'),
    ],
    job: { parallelism: 2 },
    tests: {
      timings: [stored('slow', 9_000), stored('one', 4_000), stored('two', 3_000)],
      failed: [{ ...stored('slow', 9_000), outcome: 'failed' }, stored('one', 1)],
    },
    logs: { 1: 'slow\n', 2: /only those that failed before\n\.\/slow\n$/, 3: '400\n400\n' },
  },
  {
    shows: 'deploy of a job with copies is for the first of them',
    job: { parallelism: 2 },
    steps: [run('echo made'), { deploy: 'echo shipped by "$CIRCLE_NODE_INDEX"' }],
    logs: { 2: 'shipped by 0\n' },
  },
  {
    shows: 'the other copies leave it out, and what comes after it is for all',
    job: { parallelism: 2 },
    shard: 1,
    steps: [{ deploy: { name: 'ship', command: 'echo shipped' } }, run('echo after')],
    statuses: ['skipped', 'passed'],
    logs: { 2: 'after\n' },
  },
  {
    shows: 'tests run gives the share to its command, whose exit code counts; without a share nothing runs',
    steps: [
      run(
        'printf "b\\na\\n" | circleci tests run --verbose --split-by=name --command=">list xargs echo"; cat list',
      ),
      run('echo only | circleci tests run --index 1 --total 2 --command "touch ran"; [ ! -e ran ]'),
      run('echo x | circleci tests run --command="cat; exit 5"'),
    ],
    logs: { 1: 'a b\n', 2: /no tests for node 1 of 2/, 3: 'x\n' },
    statuses: ['passed', 'passed', 'failed'],
    outcome: 'failed',
  },
  {
    shows:
      'env subst puts values in place of names; run release is accepted; anything else is refused in words',
    job: { environment: { WHO: 'you `id`' } },
    steps: [
      run(`circleci env subst 'hi $WHO \${WHO}, $NOBODY.'; echo 'piped $WHO' | circleci env subst`),
      run('circleci run release update --status=SUCCESS'),
      run('circleci orb publish x'),
    ],
    logs: { 1: 'hi you `id` you `id`, .\npiped you `id`\n', 2: /nothing to do/, 3: /does not provide/ },
    statuses: ['passed', 'passed', 'failed'],
    outcome: 'failed',
  },
  {
    shows: 'a job restores every cache that its run may read',
    steps: [{ restore_cache: { keys: ['k-'] } }],
    caches: 'all',
    logs: { 1: 'no cache begins with k-\n' },
  },
  {
    shows: 'a job with identity tokens restores those of the default branch alone, and says so',
    steps: [{ restore_cache: { keys: ['k-'] } }, run('echo "[$CIRCLE_OIDC_TOKEN]"')],
    caches: 'protected',
    logs: { 1: /^no cache begins with k-, of those that pushes to the default branch saved/, 2: '[]\n' },
  },
]

let sandboxes: Awaited<ReturnType<typeof openLocalSandboxes>>
before(async () => {
  sandboxes = await openLocalSandboxes({ privateRanges: [], repositoryRoots: [], tools: {} })
})
after(() => sandboxes?.close())

const id = <K extends Parameters<typeof formatId>[0]>(kind: K) => formatId(kind, uuid7(1, new Uint8Array(10)))
const noTrees: TreeSource = { place: async () => ({ ok: false, message: 'no tree' }) }

const compiled = (line: Line, event: RunEvent): PlanJob => {
  const job = {
    machine: true,
    ...(line.job?.docker ? { machine: undefined } : {}),
    ...line.job,
    steps: line.steps,
  }
  const text = JSON.stringify({
    version: 2.1,
    jobs: { a: job },
    workflows: { w: { jobs: [{ a: { filters: { tags: { only: '/.*/' } } } }] } },
  })
  const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan.workflows[0]?.jobs[0] ?? assert.fail('no job')
}

const storesOf = ({ tests, caches }: Line): Stores => ({
  ...noStores,
  restore: async (want, signal) => {
    if (want.kind === 'cache' && caches === (want.only ?? 'all')) return []
    const found = want.kind === 'tests' ? (tests?.[want.of] ?? []) : []
    if (found.length === 0) return noStores.restore(want, signal)
    const lines = found.map((each) => `${JSON.stringify(each)}\n`).join('')
    const read = async function* () {
      yield zstdCompressSync(lines)
    }
    return [{ key: '', from: 'a', after: [], read }]
  },
})

const play = async (line: Line, more: Partial<AttemptDeps> = {}) => {
  const event: RunEvent = {
    ...{ kind: 'push', ref: 'refs/heads/feature/x', commit: 'a'.repeat(40), branch: 'feature/x', tag: null },
    ...line.event,
  }
  const { spec, shards } = compiled(line, event)
  assert.ok(spec)
  const facts: JobFacts = {
    organisation: { id: id('organisation'), name: 'acme' },
    project: { id: id('project'), name: 'app', defaultBranch: 'main' },
    run: {
      ...{ id: id('run'), number: 7, event },
      ...(line.startedBy ? { startedBy: line.startedBy } : {}),
      ...(line.change ? { change: line.change } : {}),
    },
    workflow: { id: id('workflow'), name: 'w' },
    job: { id: id('job'), key: 'a', name: 'a', number: 12 },
    shard: { index: line.shard ?? 0, total: shards },
    serverUrl: 'https://ci.example',
    source: {
      kind: 'ssh',
      url: 'git@code.example:acme/app.git',
      host: 'code.example',
      port: 22,
      user: 'git',
      path: 'acme/app.git',
    },
  }
  const secrets = Object.entries(line.secrets ?? {}).map(([name, value]) => ({
    ...{ name, kind: 'env' as const },
    value: new Secret(Buffer.from(value)),
  }))
  const logs = new Map<number, string>()
  const statuses = new Map<number, string>()
  const result = await runJobAttempt(
    {
      ...{ driver: sandboxes.driver, trees: noTrees, stores: storesOf(line), continuing: noContinuing },
      ...{ clock: systemClock, log: silentLog, agentDirectory: '/nonexistent', ...more },
    },
    {
      ...{ attempt: id('attempt'), facts, spec, secrets, limits: classes.small.limits },
      egress: { mode: 'none', allow: [], privateRanges: [] },
    },
    {
      output: (step, bytes) => {
        logs.set(step, (logs.get(step) ?? '') + Buffer.from(bytes).toString())
        return undefined
      },
      event: (event) => event.kind === 'step-finished' && statuses.set(event.step, event.status),
    },
    AbortSignal.timeout(60_000),
  )
  // With it everything that a step had left running.
  assert.ok(result.receipt?.gone.every(({ ok }) => ok))
  return { outcome: result.outcome, logs, statuses: spec.steps.map((_, i) => statuses.get(i + 1) ?? 'none') }
}

const check = async (line: Line, more: Partial<AttemptDeps> = {}): Promise<void> => {
  const { outcome, logs, statuses } = await play(line, more)
  const told = [...logs].map(([step, text]) => `${step}: ${text}`).join('')
  assert.deepEqual(statuses, line.statuses ?? statuses.map(() => 'passed'), told)
  assert.equal(outcome, line.outcome ?? 'passed', told)
  for (const [step, expected] of Object.entries(line.logs ?? {})) {
    const log = logs.get(Number(step)) ?? ''
    if (typeof expected === 'string') assert.equal(log, expected)
    else assert.match(log, expected)
  }
}

test('copies of a job deal a list among them, each name to one, all of them', async () => {
  const command = "circleci tests glob '**' | circleci tests split --split-by=filesize"
  const steps = [
    run(`seq 1 9 | while read -r n; do head -c $((n * 100)) /dev/zero >"a $n"; done; ${command}`),
  ]
  const dealt = await Promise.all(
    [0, 1, 2].map(async (shard) => {
      const { logs } = await play({ shows: '', job: { parallelism: 3 }, shard, steps })
      return (logs.get(1) ?? '').split('\n').filter(Boolean)
    }),
  )
  assert.deepEqual(
    dealt.flat().sort(),
    Array.from({ length: 9 }, (_, i) => `a ${i + 1}`),
  )
  const sizes = dealt.map((share) => share.reduce((sum, name) => sum + Number(name.slice(2)), 0))
  assert.deepEqual(sizes.sort(), [14, 15, 16])
})

test('while a long step runs, "circleci run oidc get" gets new tokens, and so do the steps behind it', async () => {
  let round = 0
  const identity: Identity = {
    tokens: async (_step, audiences) => {
      const of = audiences.flatMap((audience) => [
        { audience, profile: 'circleci-1' as const },
        { audience, profile: 'circleci-2' as const },
      ])
      const seconds = ++round === 1 ? 200 : 900
      const tokens = of.map((each) => ({
        ...each,
        token: `${each.audience ?? 'own'}-${each.profile}-${round}`,
      }))
      return { exp: systemClock.now() / 1000 + seconds, tokens }
    },
  }
  let waits = 0
  /** The first time is over at once, the second is not before the step is. */
  const wait = (_ms: number, stop: AbortSignal) =>
    ++waits === 1 || stop.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()))
  const until = `until [ "$(circleci run oidc get)" = own-circleci-2-2 ]; do sleep 0.05; done`
  await check(
    {
      shows: '',
      steps: [
        run(`circleci run oidc get; ${until}; circleci run oidc get --claims '{"aud":"sts"}'`),
        run('circleci run oidc get; echo "$CIRCLE_OIDC_TOKEN_V2"'),
      ],
      logs: { 1: /^own-circleci-2-[12]\nsts-circleci-2-2\n$/, 2: 'own-circleci-2-2\nown-circleci-2-2\n' },
    },
    { identity, wait },
  )
})

for (const [about, lines] of Object.entries({ environment, shells, directories, hostTools, ends, commands }))
  test(about, async (t) => {
    for (const line of lines) await t.test(line.shows, () => check(line))
  })
