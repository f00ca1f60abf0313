// Public projects that were run as they are: what docs/compatibility.md says of them. Written by whoever ran them; their
// code is nowhere here.

type RealProject = {
  readonly name: string
  /** What was run, and when it was committed. */
  readonly commit: string
  readonly committed: string
  /** By `mayfly run`. */
  readonly ran: string
  /** What did not run, and why. */
  readonly why: string
}

export const realProjectsText: readonly string[] = [
  'As they are, by `mayfly run` on a Debian 12 machine with its own tools (Node 20, gcc 12; images are not pulled), on 2026-11-21.',
  'shellspec and lz4 were also run by a push to an installation, and ended the same; the others were not yet. Beside the corpus, 146 configurations of 27 public repositories, of 2017 to 2026,',
  'were compiled that day for a push to two branches and for a tag: each compiles, or names only orbs that are not here (MF2060).',
]

export const realProjects: readonly RealProject[] = [
  {
    name: 'auth0/node-jsonwebtoken',
    commit: 'bc28861',
    committed: '2023-08-30',
    ran: 'all of it: 4 jobs (install, lint, coverage), each with 511 tests, passed',
    why: 'nothing; all four jobs ran on the same Node, that of the machine',
  },
  {
    name: 'honeycombio/libhoney-js',
    commit: '919f087',
    committed: '2024-12-20',
    ran: '4 jobs of 6: lint, and the tests three times, 43 passed each',
    why: '`smoke_test` stops at `attach_workspace`, which this version does not carry out; `build_artifacts` was not waited for',
  },
  {
    name: 'sinonjs/commons',
    commit: '70f48d0',
    committed: '2021-01-26',
    ran: '`npm ci` of the first job of 6',
    why: 'the job stops at `persist_to_workspace`, which this version does not carry out; the other jobs need it',
  },
  {
    name: 'shellspec/shellspec',
    commit: 'cb649ab',
    committed: '2024-08-08',
    ran: 'checkout of the first job',
    why: '`shellcheck` and `apk` belong to the images that the jobs name and not to the machine; the third job needs the others',
  },
  {
    name: 'lz4/lz4',
    commit: 'd9c01a3',
    committed: '2024-10-15',
    ran: 'checkout and preparation of its one job',
    why: 'it compiles with `clang`, `gcc-5` and cross compilers of the image that it names',
  },
  {
    name: 'googleapis/gaxios',
    commit: '55358b2',
    committed: '2018-08-16',
    ran: 'checkout of 3 jobs of 5',
    why: 'the install step writes into `/home/node`, the home of a user of the image that the jobs name; the other jobs need these',
  },
  {
    name: 'CircleCI-Public/circleci-demo-javascript-express',
    commit: '834df83',
    committed: '2020-09-22',
    ran: 'nothing',
    why: 'its one job needs the service container `mongo:4.2.0`; services are not started yet',
  },
  {
    name: 'electron/get',
    commit: 'b5a4b71',
    committed: '2021-10-28',
    ran: 'nothing',
    why: 'the orb `circleci/windows@1.0.0` is not here (MF2060)',
  },
  {
    name: 'auth0/jwt-decode',
    commit: 'd7d2514',
    committed: '2023-10-27',
    ran: 'nothing',
    why: 'the orb `auth0/ship@0` is not here (MF2060)',
  },
]
