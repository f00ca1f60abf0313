// What is removed from time to time: uploads that a crash cut short, objects that it left without a row, what is left of removed
// projects, stored objects whose time is over, old looks at source hosts, webhooks that were sent, changes that waited in vain for
// a second person, signatures and keyed requests that are remembered no more. Idempotent, and nothing depends on when it runs; called by the server's sweep.
import { sql } from 'kysely'
import { forgetOldRequests } from './answered-requests.ts'
import type { Db } from './db/database.ts'
import { prunePolls } from './intake/polls.ts'
import { limits, type Retention } from './limits.ts'
import { expireLogs } from './logs/expire.ts'
import { removeForgotten } from './objects/forgotten.ts'
import { unlessObjectsStay } from './objects/stay.ts'
import type { ObjectStore } from './objects/store.ts'
import { removeRest } from './projects/remove.ts'
import { expireProposals } from './secrets/proposals.ts'
import { expireObjects } from './stored/expire.ts'
import { forgetDeliveries } from './webhooks/send.ts'

type Tidied = { readonly db: Db; readonly objects: ObjectStore }

export const tidyRows = async ({ db, objects }: Tidied, retention: Retention): Promise<void> => {
  await objects.tidy()
  await unlessObjectsStay(db, async () => {
    await expireObjects({ db, objects, days: retention })
    await expireLogs({ db, objects, days: retention.logs })
    await prunePolls(db, objects)
    await removeRest({ db, objects }, { partsMax: limits.removedParts.atOnce })
    await removeForgotten(db, objects)
  })
  await forgetOldRequests(db)
  await forgetDeliveries(db)
  await expireProposals(db)
  await sql`
    delete from delivery_signatures
    where received_at < now() - make_interval(hours => ${limits.signatureRememberedHours})`.execute(db)
}
