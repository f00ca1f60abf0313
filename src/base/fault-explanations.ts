// What `mayfly explain` says about faults: what one means, how it comes about, and what to do. One for every row of
// faults.ts; plain literals, so that bundles without the verb do not hold them.

import type { FaultCode } from './faults.ts'

export type FaultExplanation = { readonly why: string; readonly mend: string }

export const faultExplanations = {
  E_MACHINE_NOT_READY: {
    why: 'Jobs need kernel features (user namespaces, cgroups v2, seccomp, overlay mounts) or rights that this machine does not give.',
    mend: 'Run `mayfly doctor`: it names each missing thing and the command that provides it.',
  },
  E_PORT_TAKEN: {
    why: 'Another program listens on the port that Mayfly was told to use, perhaps another installation.',
    mend: 'Stop that program, or start with another port: `mayfly up --port N`.',
  },
  E_PACKAGES_MISSING: {
    why: 'Programs of the operating system that an installation needs, such as PostgreSQL, are not installed.',
    mend: 'Install the packages that the message names; `mayfly doctor` prints the command.',
  },
  E_CONFIG_INVALID: {
    why: 'The settings file of the installation has an unknown key or a value that cannot be used. Nothing is started with settings that were only half understood.',
    mend: 'Correct the line that the message names; docs/reference/config.md lists the keys.',
  },
  E_ALREADY_RUNNING: {
    why: 'An installation runs on this data directory already; two would overwrite each other.',
    mend: 'Use the one that runs, or stop it with `mayfly down` first.',
  },
  E_CHILD_FAILED: {
    why: 'One of the programs of the installation (database, vault, server, jailer, runner) ended or did not become ready in time.',
    mend: 'Read the lines above: the program says why. `mayfly doctor` looks at the usual causes.',
  },
  E_DEFECT: {
    why: 'Mayfly came into a state that should not exist. This is a mistake in Mayfly and not in what you did.',
    mend: 'Report it with what you typed and what was printed.',
  },
  E_SANDBOX_UNAVAILABLE: {
    why: 'A sandbox with the promised walls cannot be made on this machine, and a weaker one is never made in its place.',
    mend: 'Run `mayfly doctor`: it shows which wall is missing and how to allow it.',
  },
  E_SANDBOX_DEADLINE: {
    why: 'Making the sandbox took longer than its limit, mostly because the machine is overloaded.',
    mend: 'Wait until the machine has less to do, or give the runner fewer slots.',
  },
  E_CLASS_UNKNOWN: {
    why: 'The job asks for a resource class that this runner does not offer.',
    mend: 'Use one of the sizes (small, medium, large, …), or give a runner a class of that name.',
  },
  E_DESTROY_UNVERIFIED: {
    why: 'After a job the kernel is asked whether its sandbox is gone. Here it did not say so, and the runner takes no further jobs rather than run one beside a leftover.',
    mend: 'Look at the log of the jailer for what remained, end it, and start the runner again.',
  },
  E_EXEC_FAILED: {
    why: 'The sandbox was made, and the program of a step could not be started in it: not found, not executable, or the machine ran out of processes or memory.',
    mend: 'Check the shell of the step and the limits of the resource class.',
  },
  E_LEASE_LOST: {
    why: 'A runner works on an attempt for as long as it renews its lease. The lease ended, so the attempt was given up and may run elsewhere.',
    mend: 'Nothing, if it happens once. If it repeats, look at the connection between runner and server and at the load of the runner.',
  },
  E_RUNNER_SESSION: {
    why: 'Each start of a runner has a new session number. This one was used before: two copies of one runner run, or its disk was restored from an older state.',
    mend: 'Stop the copy, or register the runner anew.',
  },
  E_RUNNER_UNKNOWN: {
    why: 'The server does not know the key of this runner, or its registration was revoked.',
    mend: 'Register the runner again.',
  },
  E_PROTOCOL: {
    why: 'A message between the programs of Mayfly did not have the agreed form, mostly because they are of different versions.',
    mend: 'Bring runner and server to the same version. If they are, report it.',
  },
  E_SPEC_MISMATCH: {
    why: 'Before secrets go to a job, its runner compiles the configuration of the commit again. That made another job than the server sent: Mayfly or an orb was updated since, text from outside would become part of a script, or somebody changed the job on the way.',
    mend: 'Start a new run of the commit. If that fails, too, the log of the job says what differs; what nobody can explain is an attempt to get at secrets, and `audit.log` of the vault says more.',
  },
  E_SANDBOX_LOST: {
    why: 'A process that a sandbox is made of ended before the job began: somebody killed it, or the machine ran out of memory.',
    mend: 'Nothing, if it happens once: the attempt is made again. If it repeats, look at the log of the jailer and at the memory of the machine.',
  },
  E_INPUT: {
    why: 'An argument or a field of a request is missing, has the wrong form or is out of range.',
    mend: 'Correct what the message names; `--help` shows what a command takes.',
  },
  E_UNAUTHENTICATED: {
    why: 'The server does not know who asks: there is no token, or it was revoked or has expired.',
    mend: 'Sign in with `mayfly login URL --token-stdin`, or in the browser.',
  },
  E_FORBIDDEN: {
    why: 'The server knows who asks, and that person or token may not do this.',
    mend: 'Ask somebody who administers the project, or use a token with the scope that is needed.',
  },
  E_NOT_FOUND: {
    why: 'There is no such thing, or you may not know of it: both give the same answer.',
    mend: 'Check the name; `mayfly project list` and `mayfly runs list` show what there is.',
  },
  E_METHOD: {
    why: 'There is something at this address, and it cannot be asked for with this method.',
    mend: 'The header `Allow` of the answer names the methods it has; the description of the API says what each takes.',
  },
  E_CONFLICT: {
    why: 'Between reading and changing it, somebody else changed the thing.',
    mend: 'Read it again, and repeat the change if it still makes sense.',
  },
  E_EXPIRED: {
    why: 'Logs, artifacts and results of tests are kept for some days, and then removed for good; what is known of the run stays. The message says when it was removed and by which rule.',
    mend: 'Rerun the job. What has to last longer is fetched in time (`mayfly artifacts download`, `mayfly logs`) or stored elsewhere by the job.',
  },
  E_PRECONDITION: {
    why: 'The request came with `If-Match`, and what it would change is not what its sender has read: somebody changed it meanwhile. Nothing was changed now.',
    mend: 'Read it again with GET, look at what is different, and send the change with the new `ETag`.',
  },
  E_TOO_LARGE: {
    why: 'The body of the request is larger than its limit.',
    mend: 'Send less at once.',
  },
  E_MEDIA_TYPE: {
    why: 'The API reads JSON only, and the request says it sends something else.',
    mend: 'Send the header `Content-Type: application/json`.',
  },
  E_RANGE: {
    why: 'A part of a log was asked for that begins behind its last byte.',
    mend: 'The header `Content-Range: bytes */N` of the answer says how many there are. Ask for a part of those, or without `Range` for all.',
  },
  E_KEY_REUSED: {
    why: 'The `Idempotency-Key` was sent before with another address or body. A key stands for one request.',
    mend: 'Make a new key for a new request, and keep the key only to repeat the same one.',
  },
  E_KEY_OPEN: {
    why: 'The first request with this `Idempotency-Key` is still being answered, or the server was interrupted in the middle of it.',
    mend: 'Wait and ask again. When it stays like this, look whether the request had its effect before you send it with a new key.',
  },
  E_PLAINTEXT: {
    why: 'What was sent is not the sealed envelope that the vault alone can open. The server does not look at it, log it or keep it.',
    mend: 'Use `mayfly secrets set` or the page of the project: both seal the value before it is sent. If it was a value, replace it where it is used.',
  },
  E_RATE_LIMIT: {
    why: 'More requests came from this address or token than are answered in that time.',
    mend: 'Try again after the number of seconds in the header Retry-After.',
  },
  E_CSRF: {
    why: 'A browser sent a changing request that did not begin on a page of this installation. Pages elsewhere could otherwise act in your name.',
    mend: 'Open the installation by its public address. Behind a proxy, check that `public_url` is what the browser shows.',
  },
  E_CLAIM_INVALID: {
    why: 'A claim link works once and for a limited time. This one was used or has expired.',
    mend: 'Start `mayfly up` again: while nobody owns the installation, it prints a new link.',
  },
  E_SIGN_IN: {
    why: 'Name and password do not belong together. Which of them is wrong is not said, so that names cannot be tried out.',
    mend: 'Try again, or use a passkey if you have one.',
  },
  E_STEP_UP: {
    why: 'Members, tokens, what you sign in with and settings that others rely on can only be changed within ten minutes of a proof that it is you, so that nobody does it in a browser you left open.',
    mend: 'The page asks for your passkey or password and goes on. A program that uses the cookie of a browser sends `POST /api/v1/proof`; tokens are not asked.',
  },
  E_STILL_RUNNING: {
    why: 'The request waited for the verdict of a run as long as it was asked to, and the run goes on.',
    mend: 'Ask again: nothing is lost in between. `curl --retry 1000` and `mayfly runs wait` do so by themselves.',
  },
  E_NOT_PASSED: {
    why: 'The request waited for a run with `must=pass`, and the run ended in another way.',
    mend: 'Look at what failed: `mayfly runs view`, or the page of the run.',
  },
  E_INTERNAL: {
    why: 'The server met something it did not expect. Details are in its log and never in an answer.',
    mend: 'Look into the log of the server at that time, and report it if it is a defect.',
  },
  E_UNREACHABLE: {
    why: 'No server answers at the address: it does not run, the address is wrong, or the network does not lead there.',
    mend: 'Run `mayfly doctor` on the server, and check the address you signed in to.',
  },
  E_VAULT_UNAVAILABLE: {
    why: 'The vault, which alone holds keys, does not answer. Nothing that needs a secret can go on without it.',
    mend: 'The supervisor starts it again; if that does not help, read its lines in the log.',
  },
  E_SEALED: {
    why: 'The vault runs and has no root key yet, so it can open nothing.',
    mend: 'Provide the root key the way the installation was set up, and start it again.',
  },
  E_TICKET_SIG: {
    why: 'The vault gives secrets only for tickets that this server signed. This ticket is signed by something else, or was changed.',
    mend: 'If server and vault belong together, start both again. Otherwise treat it as an attempt to get at secrets.',
  },
  E_TICKET_EXPIRED: {
    why: 'A ticket is valid for minutes. This one came too late, or the clocks of server and vault differ.',
    mend: 'Run the job again, and check the clocks of the machines.',
  },
  E_EPOCH: {
    why: 'Tickets end when the vault restarts, so that none of them can be used twice. This one is from before.',
    mend: 'Run the job again.',
  },
  E_USED: {
    why: 'A ticket works once. This one was used before: a message was repeated, or somebody copied it.',
    mend: 'Run the job again. If nobody repeated anything, look at the audit log.',
  },
  E_RUNNER_SCOPE: {
    why: 'The runner was registered for other projects than the one whose secrets it asks for.',
    mend: 'Widen the scope of the runner if it should work for this project.',
  },
  E_STORE_TAMPERED: {
    why: 'A record of the vault does not fit its seal: something other than the vault wrote it, or the disk is faulty.',
    mend: 'Restore the store from a backup, and find out what wrote to it. Do not go on with what remains.',
  },
  E_ROLLBACK: {
    why: 'The store of the vault is an older copy of itself. Old states could bring revoked secrets back, so it does not start on one.',
    mend: 'Put the newest store back. After a restore that was meant, follow the message.',
  },
  E_ROOT_KEY: {
    why: 'The root key is missing, unreadable for the vault, readable for others, or not the one that the store was made with.',
    mend: 'Put the right key file back with the owner and mode that the message names.',
  },
  E_WEBHOOK_SIG: {
    why: 'A delivery to the webhook is not signed with the secret of its project: the secrets differ, or the sender is not the code host.',
    mend: 'Enter the secret of the project at the code host again.',
  },
  E_RUNNER_SIG: {
    why: 'A request in the name of a runner is not signed with its key, or was signed too long ago.',
    mend: 'Check the clock of the runner; register it again if its key was lost.',
  },
  E_STMT_SIG: {
    why: 'A change of secrets or signers was not signed, or not by a key that was enrolled and is not removed.',
    mend: 'Enrol this key with a code of the operator: `mayfly secrets signer enrol`.',
  },
  E_STMT_STALE: {
    why: 'The statement was signed more than ten minutes ago, or by a clock that is ahead.',
    mend: 'Check the clock of the machine that signs, and try again.',
  },
  E_STMT_PREV: {
    why: 'Somebody else changed the same thing between reading and signing, or an older statement was sent again.',
    mend: 'Look at what is there now, and try again.',
  },
  E_STMT_KEPT: {
    why: 'A signed change leaves something as it is, and what the server showed as that is not what the vault has. The change was not made.',
    mend: 'Try again: where it stays so, the server shows something else than the vault has. Look at its `audit.log`, and say every rule yourself (`--ref`, `--event`, `--project` …).',
  },
  E_STMT_SECOND: {
    why: 'The organisation demands that whatever lets more jobs have a secret, or for longer, is signed by two people. The change was not made.',
    mend: 'It waits for three days: somebody else looks at it with `mayfly secrets proposals` and signs it with `mayfly secrets countersign DIGEST`. On the web both stand on the page of the signers.',
  },
  E_SIGNER_CODE: {
    why: 'A code enrols one signer within thirty minutes, and a restart of the vault or a newer code makes it void.',
    mend: 'The operator makes a new one: `mayfly vault signer-code`.',
  },
  E_VAULT_KEY_CHANGED: {
    why: 'The vault of this installation signs with another key than the one pinned here: the installation was set up anew, or somebody stands in between.',
    mend: 'Ask the operator for the fingerprint of the vault. Only if it was set up anew, forget the old key as the message says.',
  },
  E_CONTEXT_REFUSED: {
    why: 'The job names a context that is not there, or whose rules do not admit its project, its branch or tag, or whoever wants the job. Nothing of the job was started.',
    mend: 'The message names the context and the rule. An owner looks at it with `mayfly context view NAME` and changes it with `mayfly context edit NAME`; then rerun the job.',
  },
  E_REPO_MISMATCH: {
    why: 'The runner fetched the code of this job from another repository than the one that the vault knows for the project, or somebody put a secret for another one. Secrets go to no other one.',
    mend: 'If the repository moved, remove the project and add it at its new place. If it did not, treat it as an attempt to get at secrets.',
  },
  E_REF_UNREACHABLE: {
    why: 'Secrets go to commits of the branches and tags of the repository only. The branch or tag of this run is gone, or was overwritten so that the commit does not lie on it any more.',
    mend: 'Start a run of the branch or tag as it is now, or push the commit again.',
  },
  E_NOT_TIP: {
    why: 'The secret was put with `--only-newest`: it goes to the newest commit of a branch or tag only, and somebody has pushed since this run began.',
    mend: 'Start a run of the branch or tag as it is now.',
  },
  E_TIER: {
    why: 'The server said that the job has a higher trust than its ref shows, or its ref is neither a branch nor a tag of the repository.',
    mend: 'Run the job for a branch or tag of the repository. If it was, treat it as an attempt to get at secrets.',
  },
  E_DATABASE: {
    why: 'PostgreSQL does not answer, or broke off a query.',
    mend: 'Look whether it runs and has space; `mayfly doctor` asks it.',
  },
  E_MIGRATION: {
    why: 'The tables in the database are of a version that this Mayfly does not know, mostly because an older one was started on newer data.',
    mend: 'Start the version that last ran on this data, or a newer one.',
  },
  E_OBJECT_MISSING: {
    why: 'The database knows of a log or file that is no longer in the object store.',
    mend: 'It may have been deleted by age. Otherwise restore the object store to the same state as the database.',
  },
  E_DISK_FULL: {
    why: 'There is no space left where the installation keeps its data, or the repository is larger than the room it is fetched in.',
    mend: 'Free some space and start the run again; keep large files out of the repository.',
  },
  E_OBJECT_TAMPERED: {
    why: 'A stored object does not fit its checksum or seal: it was changed or cut off outside Mayfly.',
    mend: 'Restore it from a backup, and check the disk.',
  },
  E_COLLECTOR: {
    why: 'The collector that `traces.endpoint` in `mayfly.yml` names does not answer, or refuses what it is sent.',
    mend: 'Ask the collector with `curl -i ENDPOINT/v1/traces`, and look at `traces.headersFile`. What it missed is sent again for a day.',
  },
  E_ARCHIVE: {
    why: 'Files of a job (a workspace, a cache, artifacts) hold what no archive of Mayfly may: a path out of its tree, a device, too much of something. The message names it.',
    mend: 'Leave it out of the paths that the step names.',
  },
  E_SOURCE_DENIED: {
    why: 'The code host refused the deploy key of the project, the repository does not exist for it, or the host shows another key than the confirmed one.',
    mend: 'Add the public key that `mayfly project add` printed to the repository, for reading. After a change of the host key: `mayfly project contact NAME`, then `mayfly project trust NAME` shows what to compare and confirm.',
  },
  E_SOURCE_UNREACHABLE: {
    why: 'The code host did not answer, or the connection broke off.',
    mend: 'Check its address and the network; it is tried again with the next run.',
  },
  E_COMMIT_MISSING: {
    why: 'The repository does not have the commit that the run is about: the branch was overwritten or deleted in the meantime.',
    mend: 'Start a run of a commit that exists.',
  },
  E_SOURCE_NOT_ALLOWED: {
    why: 'The address of the repository lies in a private network, and the operator did not allow that one.',
    mend: 'The operator lists it under `sources.allow` in the settings of the installation.',
  },
} as const satisfies Record<FaultCode, FaultExplanation>
