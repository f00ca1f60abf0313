// A context of the organisation with every program real: made and filled by the command line, used by the job that names
// it, withheld from the one beside it, refused to a project that may not use it.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openVisitor, type Visitor } from '../support/browser.ts'
import { createRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { formsOf, holds } from '../support/residue.ts'

/** Each job says what it got without saying it; the named one also says it, for the mask. */
const configuration = `version: 2.1
jobs:
  use: &job
    docker: [{image: cimg/base:stable}]
    steps:
      - run: |
          printf '%s got %s\\n' "$CIRCLE_JOB" "$(printf %s "\${DEPLOY_TOKEN-nothing}" | sha256sum | cut -c1-64)"
          echo "open: \${DEPLOY_TOKEN-}"
  plain: *job
workflows:
  main:
    jobs:
      - use: {context: [deploy to europe]}
      - plain
`
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const token = `ctx-${randomBytes(18).toString('hex')}`

type ShownRun = {
  readonly status: string
  readonly jobs: readonly {
    readonly key: string
    readonly status: string
    readonly reason: { readonly code: string; readonly text: string } | null
    readonly attempts: readonly unknown[]
  }[]
}

describe('a context, from an owner to the step of a job that names it', () => {
  let place: string
  let installation: TestInstallation
  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'mayfly-contexts-'))
    await chmod(place, 0o755)
    const files = { '.circleci/config.yml': configuration }
    const [vessel, other] = [
      await createRepository(place, 'vessel', files),
      await createRepository(place, 'other', files),
    ]
    installation = await openInstallation({ args: ['--no-sample', '--local-repos', place] })
    succeeds(['project', 'add', 'vessel', '--path', vessel.bare])
    succeeds(['project', 'add', 'other', '--path', other.bare])
    const code = /signer enrol\n\s+(\S+)/.exec(installation.output())?.[1] ?? ''
    succeeds(['secrets', 'signer', 'enrol'], code)
  })
  after(async () => {
    await installation?.close()
    await rm(place, { recursive: true, force: true })
  })
  const cli = (words: readonly string[], stdin = '') =>
    installation.cliWith({ home: join(place, 'home'), stdin }, ...words)
  const succeeds = (words: readonly string[], stdin?: string): string => {
    const { code, stdout, stderr } = cli(words, stdin)
    assert.equal(code, 0, `mayfly ${words.join(' ')}: ${stderr}`)
    return stdout
  }
  const view = (id: string): ShownRun => JSON.parse(succeeds(['runs', 'view', id, '--json']))
  const ends = async (project: string): Promise<{ run: ShownRun; log: string }> => {
    const { id }: { id: string } = JSON.parse(succeeds(['runs', 'start', '--project', project, '--json']))
    const run = await waitFor('the run to end', () => {
      const shown = view(id)
      return ['passed', 'failed', 'errored', 'skipped'].includes(shown.status) ? shown : null
    })
    return { run, log: cli(['logs', id, '--project', project]).stdout }
  }
  const jobOf = ({ jobs }: ShownRun, key: string) =>
    jobs.find((job) => job.key === key) ?? assert.fail(`no job ${key}`)
  const name = 'deploy to europe'

  test('a job that names no context yet does not start, and says what to do', async () => {
    const { run, log } = await ends('vessel')
    const { status, reason, attempts } = jobOf(run, 'use')
    assert.deepEqual([status, reason?.code, attempts.length], ['skipped', 'unauthorized', 0])
    assert.match(reason?.text ?? '', /mayfly context create "deploy to europe"/)
    assert.match(log, /plain got/)
  })

  test('made, filled and allowed, it reaches the job that names it alone, masked', async () => {
    assert.match(succeeds(['context', 'create', name]), /projects {2}none\nrefs {6}default/)
    succeeds(['secrets', 'set', 'DEPLOY_TOKEN', '--context', name], token)
    assert.match(succeeds(['context', 'edit', name, '--project', 'vessel']), /projects {2}vessel/)
    assert.match(succeeds(['context', 'view', name]), /secrets {3}DEPLOY_TOKEN/)
    const { run, log } = await ends('vessel')
    assert.equal(run.status, 'passed', log)
    assert.ok(log.includes(`use got ${sha256(token)}`), log)
    assert.ok(log.includes(`plain got ${sha256('nothing')}`), log)
    assert.equal(holds(Buffer.from(log), [...formsOf(token)]), false, log)
    assert.match(log, /open: \S/)
    const shown = succeeds(['secrets', 'show', 'DEPLOY_TOKEN', '--context', name])
    assert.match(shown, /used {5}1 times/)
    assert.match(succeeds(['context', 'list']), /deploy to europe\tvessel\tdefault\tany/)
  })

  test('an owner does the same in a browser with a passkey, without sending the value', async () => {
    const visitor = await openVisitor()
    try {
      await inBrowser(visitor)
    } finally {
      await visitor.close()
    }
  })

  const inBrowser = async (visitor: Visitor): Promise<void> => {
    const { page, complaints } = visitor
    const press = (button: string) => page.getByRole('button', { name: button, exact: true }).click()
    const sent: string[] = []
    page.on('request', (request) => sent.push(request.postData() ?? ''))
    await visitor.addAuthenticator()
    await page.goto(installation.claimUrl ?? '')
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('E-mail').fill('ada@example.invalid')
    await press('Continue with a passkey')
    await page.waitForURL('**/projects/new')
    await page.goto(`${installation.url}/settings/contexts`)
    await page.getByRole('link', { name }).waitFor()
    await page.getByLabel('Code of the operator').fill(succeeds(['vault', 'signer-code']).trim())
    await press('Make the passkey')
    await press('Make a context')
    await page.getByLabel('Name', { exact: true }).fill('by hand')
    await page.getByLabel('vessel').check()
    await press('Sign and save')
    await page.getByRole('heading', { name: 'by hand' }).waitFor()
    await press('Add a secret')
    await page.getByLabel('Name', { exact: true }).fill('TYPED')
    await page.getByLabel('Value', { exact: true }).fill(token)
    await press('Seal and put')
    await page.getByRole('rowheader', { name: 'TYPED v1' }).waitFor()
    await press('Change rules')
    await page.getByLabel('Wanted by').selectOption('owner')
    await press('Sign and save')
    await page.getByText('an owner', { exact: true }).waitFor()
    assert.match(
      succeeds(['context', 'view', 'by hand']),
      /projects {2}vessel\n.*\nroles {5}owner\nsecrets {3}TYPED/,
    )
    await press('Delete')
    await press('Delete the context')
    await page.waitForURL('**/settings/contexts')
    await page.getByRole('link', { name }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'by hand' }).count(), 0)
    assert.ok(sent.some((body) => body.includes('"context.put"')))
    assert.equal(holds(Buffer.from(sent.join('\n')), [...formsOf(token)]), false)
    await admits(visitor)
    assert.deepEqual([...complaints], [])
    await countersigns(visitor)
    // What was proposed on the page was refused by the server, as it had to be; nothing else was complained of.
    assert.deepEqual([complaints.length, complaints.every((line) => line.includes('409'))], [1, true])
  }

  /** One touch for all that are open; each one's source is shown before. */
  const admits = async ({ page }: Visitor): Promise<void> => {
    const press = (button: string) => page.getByRole('button', { name: button, exact: true }).click()
    succeeds(['context', 'create', 'for all', '--all-projects'])
    await page.reload()
    await press('Admit 2 projects')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('vessel.git in local directory 2').waitFor()
    await press('Sign and admit')
    await page.getByRole('button', { name: 'Withdraw other' }).waitFor()
    assert.match(succeeds(['project', 'admissions']), /vessel\t.*\tadmitted\t/)
    for (const project of ['vessel', 'other']) {
      await press(`Withdraw ${project}`)
      await page.getByRole('button', { name: `Withdraw ${project}` }).waitFor({ state: 'detached' })
    }
    assert.match(succeeds(['project', 'admissions']), /other\t.*\tnot admitted\t-/)
    succeeds(['context', 'delete', 'for all'])
    await page.reload()
    await page.getByRole('link', { name }).waitFor()
  }

  /** The passkey of the browser is the second person; what the first one signed comes from the command line. */
  const countersigns = async ({ page }: Visitor): Promise<void> => {
    const press = (button: string) => page.getByRole('button', { name: button, exact: true }).click()
    type Signer = { readonly id: string; readonly kind: string }
    const { items }: { items: readonly Signer[] } = JSON.parse(
      succeeds(['secrets', 'signer', 'list', '--json']),
    )
    assert.match(cli(['secrets', 'two-person', 'on']).stderr, /mayfly vault signer-person/)
    for (const { id, kind } of items)
      succeeds(['vault', 'signer-person', id, kind === 'webauthn' ? 'grace' : 'ada'])
    succeeds(['secrets', 'two-person', 'on'])
    assert.match(cli(['context', 'edit', name, '--all-projects']).stderr, /waits for a second person as prp_/)
    await page.goto(`${installation.url}/settings/signers`)
    await press(`Sign: Rules of the context ${name}`)
    await press('Sign and make it')
    await page.getByText('Nothing waits.').waitFor()
    assert.match(succeeds(['context', 'view', name]), /projects {2}all/)
    succeeds(['context', 'edit', name, '--project', 'vessel'])
    await press('Propose to demand it no more')
    await page.getByText('It waits below for a second person.').waitFor()
    await press('Take back: One signature is enough from now on')
    await page.getByText('Nothing waits.').waitFor()
    assert.match(cli(['secrets', 'two-person', 'off']).stderr, /waits for a second person/)
    await page.reload()
    await press('Sign: One signature is enough from now on')
    await press('Sign and make it')
    await page.getByText('One signature is enough, also for what lets more jobs have a secret.').waitFor()
  }

  test('a project that it is not for is unauthorized; what it is for can be changed, and it can be deleted', async () => {
    const { run, log } = await ends('other')
    const { status, reason } = jobOf(run, 'use')
    assert.deepEqual([status, reason?.code], ['skipped', 'unauthorized'], log)
    assert.match(reason?.text ?? '', /"deploy to europe" is not for this project/)
    succeeds(['context', 'edit', name, '--all-projects'])
    const open = jobOf((await ends('other')).run, 'use')
    assert.match(open.reason?.text ?? '', /a signer has admitted.* mayfly project admit$/)
    assert.match(
      succeeds(['project', 'admissions']),
      /other\tother\.git in local directory 2\t-\tnot admitted\t-/,
    )
    assert.match(cli(['project', 'admit', 'nowhere']).stderr, /no project nowhere/)
    assert.match(succeeds(['project', 'admit', 'other']), /^other\t.*\tadmitted\t/m)
    assert.ok((await ends('other')).log.includes(`use got ${sha256(token)}`))
    succeeds(['project', 'withdraw', 'other'])
    assert.equal(jobOf((await ends('other')).run, 'use').reason?.code, 'unauthorized')
    succeeds(['project', 'admit', '--all'])
    assert.doesNotMatch(succeeds(['project', 'admissions']), /not admitted/)
    assert.match(cli(['context', 'edit', name]).stderr, /say what to change/)
    assert.match(cli(['context', 'edit', name, '--ref', 'main']).stderr, /refs are "default" or full ones/)
    assert.match(cli(['context', 'edit', name, '--role', 'viewer']).stderr, /roles are owner, developer/)
    succeeds(['context', 'delete', name])
    assert.match(cli(['context', 'view', name]).stderr, /is deleted/)
    assert.deepEqual(jobOf((await ends('other')).run, 'use').attempts, [])
    succeeds(['context', 'create', name, '--project', 'vessel', '--project', 'other'])
    assert.ok((await ends('other')).log.includes(`use got ${sha256('nothing')}`), 'its secrets are gone')
  })

  test('where two people are demanded, what lets more jobs in waits for the second', async () => {
    const bob = (...words: readonly string[]) =>
      installation.cliWith({ home: join(place, 'bob'), stdin: '' }, ...words)
    const enrolling = { home: join(place, 'bob'), stdin: succeeds(['vault', 'signer-code']) }
    assert.equal(installation.cliWith(enrolling, 'secrets', 'signer', 'enrol', '--name', 'bob').code, 0)
    const idOf = (shown: string): string => JSON.parse(shown).id
    const own = idOf(succeeds(['secrets', 'signer', 'show', '--json']))
    succeeds(['vault', 'signer-person', own, 'ada'])
    succeeds(['vault', 'signer-person', idOf(bob('secrets', 'signer', 'show', '--json').stdout), 'bob'])
    assert.match(succeeds(['secrets', 'two-person', 'on']), /takes two people; the operator named 3 people/)
    assert.match(succeeds(['context', 'edit', name, '--project', 'vessel']), /projects {2}vessel/)
    const wider = cli(['context', 'edit', name, '--all-projects'])
    assert.match(wider.stderr, /waits for a second person as prp_/)
    assert.notEqual(wider.code, 0)
    const listed = bob('secrets', 'proposals').stdout
    assert.match(listed, /context deploy to europe: every project; default; roles any/)
    const digest = /^([0-9a-f]{16})\t/m.exec(listed)?.[1] ?? assert.fail(listed)
    assert.match(cli(['secrets', 'countersign', digest]).stderr, /waits for somebody else/)
    assert.match(succeeds(['context', 'view', name]), /projects {2}vessel/)
    const made = bob('secrets', 'countersign', digest)
    assert.equal(made.code, 0, made.stderr)
    assert.match(succeeds(['context', 'view', name]), /projects {2}all/)
    assert.match(cli(['secrets', 'two-person', 'off']).stderr, /waits for a second person/)
    const off = /^([0-9a-f]{16})\t/m.exec(succeeds(['secrets', 'proposals']))?.[1] ?? ''
    succeeds(['secrets', 'withdraw', off])
    assert.match(succeeds(['secrets', 'two-person']), /takes two people/)
  })

  test('when the only signer lost the key, the operator ends it and lets a new one in', async () => {
    type Signer = { readonly id: string; readonly state: string }
    const { items }: { items: readonly Signer[] } = JSON.parse(
      succeeds(['secrets', 'signer', 'list', '--json']),
    )
    const unknown = cli(['vault', 'signer-lost', 'sgn_00000000000000000000000000'])
    assert.match(unknown.stderr, /The vault does not know this signer {2}\[MF4004\]/)
    for (const { id, state } of items) if (state === 'active') succeeds(['vault', 'signer-lost', id])
    assert.match(cli(['context', 'edit', name, '--any-role']).stderr, /MF5013/)
    const late = { home: join(place, 'late'), stdin: succeeds(['vault', 'signer-code']) }
    assert.equal(installation.cliWith(late, 'secrets', 'signer', 'enrol').code, 0)
    const edit = ['context', 'edit', name, '--project', 'vessel'] as const
    assert.equal(installation.cliWith({ ...late, stdin: '' }, ...edit).code, 0)
  })
})
