// The golden list of a cell's options: a change here is a change of the wall and must be looked at as such.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classes } from '../policy/classes.ts'
import { type CellPlan, cellCommand, cellOptions, workPlaces } from './cell-options.ts'

const plan: CellPlan = {
  nest: '/run/m/nest/aaaaaaaa',
  sets: '/run/m/nest/aaaaaaaa/sets/job',
  own: null,
  steps: null,
  withoutNetwork: true,
  sources: [],
  limits: classes.tiny.limits,
  masks: ['keys'],
  caPath: '/etc/ca.pem',
  blocked: false,
}

/** As lines that begin with an option. */
const lines = (changes: Partial<CellPlan> = {}): string[] =>
  cellOptions({ ...plan, ...changes })
    .join(' ')
    .split(/ (?=--)/)

test('the job cell of a nest without network', () => {
  assert.deepEqual(
    lines().filter((line) => !line.startsWith('--setenv')),
    [
      ...[
        '--unshare-user',
        '--unshare-pid',
        '--unshare-ipc',
        '--unshare-uts',
        '--unshare-cgroup',
        '--unshare-net',
      ],
      ...['--uid 1000', '--gid 1000', '--hostname job', '--die-with-parent', '--new-session', '--clearenv'],
      ...['--bind /run/m/nest/aaaaaaaa/root /', '--proc /proc', '--ro-bind /dev/null /proc/keys'],
      ...[
        '--dev /dev',
        `--size ${classes.tiny.limits.shm}`,
        '--perms 1777',
        '--tmpfs /dev/shm',
        '--remount-ro /dev',
      ],
      ...['--bind /run/m/nest/aaaaaaaa/sets/job /run/mayfly', '--chdir /'],
      ...['--seccomp 4', '--json-status-fd 5'],
    ],
  )
})

test('a clean cell has its own home and temporary places, sources are read-only, and it starts blocked', () => {
  const own = '/run/m/nest/aaaaaaaa/cells/1'
  const more = lines({
    own,
    blocked: true,
    withoutNetwork: false,
    sources: [{ from: '/s', at: 'mnt/source' }],
  })
  const binds = [
    `${own}/home /home/ci`,
    `${own}/tmp /tmp`,
    `${own}/var-tmp /var/tmp`,
    `${own}/lock /run/lock`,
  ]
  for (const name of ['app', 'code', 'src', 'workspace'])
    assert.equal(more[more.indexOf(`--tmpfs /${name}`) + 1], `--remount-ro /${name}`)
  assert.ok(!lines().some((line) => line.startsWith('--tmpfs /app')))
  for (const line of [...binds.map((bind) => `--bind ${bind}`), '--ro-bind /s /mnt/source'])
    assert.ok(more.includes(line), line)
  assert.ok(!more.includes('--unshare-net'))
  assert.equal(more.at(-1), '--block-fd 6')
})

test('where the job is the user who made the nest, its tree and its FIFOs are read-only', () => {
  const nest = '/run/m/nest/aaaaaaaa'
  const places = lines({ steps: `${nest}/steps/job` }).filter((line) => /^--(ro-)?bind /.test(line))
  assert.deepEqual(places, [
    `--ro-bind ${nest}/root /`,
    '--ro-bind /dev/null /proc/keys',
    ...['home/ci', 'tmp', 'var/tmp', 'run/lock', ...workPlaces].map(
      (place) => `--bind ${nest}/root/${place} /${place}`,
    ),
    `--ro-bind ${nest}/sets/job /run/mayfly`,
    `--bind ${nest}/steps/job /run/steps`,
  ])
  const own = `${nest}/cells/1`
  const clean = lines({ own, steps: `${nest}/steps/1` }).filter((line) => line.startsWith('--bind'))
  assert.deepEqual(
    clean.map((line) => line.split(' ')[1]),
    [...['home', 'tmp', 'var-tmp', 'lock'].map((name) => `${own}/${name}`), `${nest}/steps/1`],
    'nothing of the nest that another cell can write',
  )
})

test('what no control group counts, the first shell of a cell limits, never above what we may ourselves', () => {
  assert.deepEqual(cellCommand(null, { pids: 64 }, '/etc/mayfly/loop'), ['/bin/sh', '/etc/mayfly/loop'])
  const [, , text] = cellCommand({ pidsMax: 1000 }, { pids: 64 }, '/etc/mayfly/loop')
  assert.equal(text, 'ulimit -p 64 && exec /bin/sh "$@"')
  assert.match(cellCommand({ pidsMax: 32 }, { pids: 64 }, 'x').join(' '), /ulimit -p 32 /)
})
