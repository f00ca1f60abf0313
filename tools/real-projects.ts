// Public projects that were run as they are: what docs/compatibility.md says of them. Written by whoever ran them; their
// code is nowhere here.

type RealProject = {
  readonly name: string
  /** What was run, and when it was committed. */
  readonly commit: string
  readonly committed: string
  /** By `mayfly run`. */
  readonly ran: string
  /** By a push to an installation of the same machine; null: not pushed. */
  readonly pushed: string | null
  /** What did not run, and why. */
  readonly why: string
}

export const realProjectsText: readonly string[] = [
  'As they are, by `mayfly run` and by a push to an installation, on a Debian 12 machine with its own tools (Node 20; images are not pulled), on',
  '2026-11-21: eleven ran whole, both ways, every job that their configuration has for that push. The machine reaches the registry of npm and nothing else. For them',
  'the Debian packages `golang-go` (1.19), `gotestsum` and `shellcheck` were installed. Some tests of a project have a time limit of their own: on two cores that',
  'others use too, one of them may need `mayfly rerun --failed`; where it did, the table says so. Beside the corpus, 2,087 configurations from the histories of 84 public repositories, of 2017 to 2026, were compiled that day for pushes to two',
  'branches and a tag: 2,048 compile or name only orbs that are not here (MF2060). The other 39 are slips of their authors, such as a job that is not defined or a',
  'step with two names. On 2026-11-22 another 1,836 of 166 repositories were: 1,721 compile or name only such',
  'orbs; the other 115 are parts of configurations, tests of an orb that is packed in its place before they run, and slips.',
]

export const realProjects: readonly RealProject[] = [
  {
    name: 'sinonjs/commons',
    commit: 'c35da75',
    committed: '2021-08-11',
    ran: 'all 6 jobs passed: npm ci, its workspace for five jobs, lint, prettier, 57 tests three times',
    pushed: 'the same, and the cache was saved',
    why: 'nothing; all jobs ran on the Node of the machine, and the upload to codecov.io found nobody, which its step does not mind',
  },
  {
    name: 'sinonjs/referee',
    commit: '51f64f9',
    committed: '2021-08-11',
    ran: 'all 6 jobs passed: workspace, lint, prettier, 1,030 tests three times',
    pushed: 'the same',
    why: 'nothing; as above',
  },
  {
    name: 'sinonjs/formatio',
    commit: 'f1806f1',
    committed: '2021-01-06',
    ran: 'all 5 jobs passed: workspace, lint, 59 tests three times',
    pushed: 'the same',
    why: 'nothing; as above',
  },
  {
    name: 'auth0/node-jsonwebtoken',
    commit: 'bc28861',
    committed: '2023-08-30',
    ran: 'all 4 jobs passed: install, lint, coverage, each with 511 tests',
    pushed: 'the same',
    why: 'nothing; all four jobs ran on the Node of the machine',
  },
  {
    name: 'hashicorp/go-version',
    commit: '78d058c',
    committed: '2022-06-28',
    ran: 'its one job passed: go fmt, gotestsum',
    pushed: 'the same',
    why: 'nothing; `/go/pkg/mod` had nothing to save, because it needs no modules',
  },
  {
    name: 'VividCortex/ewma',
    commit: '90bb364',
    committed: '2019-10-24',
    ran: 'its one job passed: go vet, go test with the race detector, in `/go/src/github.com/VividCortex/ewma`',
    pushed: 'the same',
    why: 'nothing; the script that uploads its coverage was not found, which its step does not mind',
  },
  {
    name: 'honeycombio/libhoney-js',
    commit: '2b3efe3',
    committed: '2022-09-19',
    ran: 'all 5 jobs passed: lint, the tests three times, 34 each, and the artifacts',
    pushed: 'the same, and the artifacts were kept',
    why: 'nothing; all jobs ran on the Node of the machine',
  },
  {
    name: 'gorilla/websocket',
    commit: '27d91a9',
    committed: '2022-06-20',
    ran: 'all 3 jobs passed: 57 tests with the race detector each',
    pushed: 'the same, one job in its second attempt',
    why: 'nothing; in the first, the race detector found a race in a test of the project',
  },
  {
    name: 'sinonjs/samsam',
    commit: '8d35140',
    committed: '2021-08-11',
    ran: 'all 6 jobs passed: workspace, lint, prettier, 579 tests three times; with `-e PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=1`',
    pushed:
      'the same with that variable put for the project; one job in its second attempt and one in its third',
    why: 'nothing; without the variable `npm ci` downloads a Chromium that no job uses, from a place that this machine cannot reach. In those two jobs a test had taken longer than its limit of 2 s',
  },
  {
    name: 'sinonjs/referee-sinon',
    commit: 'd599697',
    committed: '2021-01-26',
    ran: 'the 6 jobs of a branch passed: workspace, lint, prettier, 114 tests three times; with the same variable as samsam',
    pushed: 'the same, of a branch; the dependencies came from the cache of an earlier push',
    why: '`saucelabs` is for the branch `master`: it tests in browsers of another company',
  },
  {
    name: 'reactioncommerce/random',
    commit: '060045e',
    committed: '2019-10-08',
    ran: 'the one job of a branch passed: lint, 8 tests',
    pushed: 'the same, of a branch',
    why: '`deploy` is for the branch `trunk`: it releases to the registry of npm',
  },
  {
    name: 'contentful/contentful-resolve-response',
    commit: 'c26ff8e',
    committed: '2022-12-19',
    ran: '3 jobs of 4 passed: lint, 17 tests, lint of the commits',
    pushed: 'the same, after `mayfly deliveries replay`: its message says `[skip ci]`',
    why: '`semantic-release` asks github.com for its branches, which this machine cannot reach',
  },
  {
    name: 'honeycombio/libhoney-js',
    commit: '919f087',
    committed: '2024-12-20',
    ran: '5 jobs of 6 passed: lint, the tests three times, 43 each, and the artifacts',
    pushed: null,
    why: '`smoke_test` is for a virtual machine with Docker, which this machine has not',
  },
  {
    name: 'gorilla/mux',
    commit: 'abccd7e',
    committed: '2023-07-15',
    ran: '5 jobs of 6 passed: tests with the race detector, in `/go/src/github.com/gorilla/mux`',
    pushed: 'the same',
    why: '`test-latest` fetches golint from proxy.golang.org, which this machine cannot reach',
  },
  {
    name: 'gorilla/schema',
    commit: '888a984',
    committed: '2023-07-15',
    ran: '5 jobs of 6 passed, as gorilla/mux',
    pushed: null,
    why: 'as gorilla/mux',
  },
  {
    name: 'gorilla/securecookie',
    commit: '4ce5252',
    committed: '2023-07-29',
    ran: '5 jobs of 6 passed, as gorilla/mux',
    pushed: null,
    why: 'as gorilla/mux',
  },
  {
    name: 'sinonjs/nise',
    commit: '0aadfc7',
    committed: '2021-04-01',
    ran: '3 jobs of 6 passed: workspace, lint, prettier; with `-e PUPPETEER_SKIP_CHROMIUM_DOWNLOAD=1`',
    pushed: null,
    why: 'the tests are for Node 10 to 14: 346 pass, and 6 find the `Blob` of the Node of this machine without what belongs to it',
  },
  {
    name: 'adobe/helix-log',
    commit: '460f67f',
    committed: '2024-04-09',
    ran: 'installation and lint of its one job, 119 of 121 tests',
    pushed: null,
    why: 'one test compares the words of an error with those of the Node of its image',
  },
  {
    name: 'gorilla/handlers',
    commit: '7b2fac1',
    committed: '2019-06-29',
    ran: 'the steps before the tests of 6 jobs of 7',
    pushed: null,
    why: 'a test asks www.gorillatoolkit.org, which this machine cannot reach; the `gofmt` of Go 1.19 writes comments otherwise',
  },
  {
    name: 'auth0/node-jwks-rsa',
    commit: '1e258d9',
    committed: '2021-09-09',
    ran: 'checkout of its 3 jobs',
    pushed: null,
    why: '`sudo npm install -g npm@latest` ends as it does there by now: the npm of today refuses the Node of these jobs',
  },
  {
    name: 'auth0/idtoken-verifier',
    commit: 'b338ce1',
    committed: '2021-09-09',
    ran: 'checkout of its one job',
    pushed: null,
    why: '`npm install` fetches a package from github.com, which this machine cannot reach',
  },
  {
    name: 'shellspec/shellspec',
    commit: 'cb649ab',
    committed: '2024-08-08',
    ran: '1 job of 3 passed: lint, with the `shellcheck` of the machine',
    pushed: 'before `shellcheck` was installed: checkout of 2 jobs',
    why: '`apk` belongs to the image that the second job names; the third job needs the others',
  },
  {
    name: 'lz4/lz4',
    commit: 'd9c01a3',
    committed: '2024-10-15',
    ran: 'checkout and preparation of its one job',
    pushed: 'the same',
    why: 'it compiles with `clang`, `gcc-5` and cross compilers of the image that it names',
  },
  {
    name: 'CircleCI-Public/circleci-demo-javascript-express',
    commit: '834df83',
    committed: '2020-09-22',
    ran: 'nothing',
    pushed: null,
    why: 'its one job needs the service container `mongo:4.2.0`; services are not started yet, and the job says so',
  },
  {
    name: 'electron/get',
    commit: 'b5a4b71',
    committed: '2021-10-28',
    ran: 'nothing',
    pushed: null,
    why: 'the orb `circleci/windows@1.0.0` is not here (MF2060)',
  },
  {
    name: 'auth0/jwt-decode',
    commit: 'd7d2514',
    committed: '2023-10-27',
    ran: 'nothing',
    pushed: null,
    why: 'the orb `auth0/ship@0` is not here (MF2060)',
  },
]
