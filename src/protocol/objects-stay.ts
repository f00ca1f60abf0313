// A lock of the database between whoever makes a backup and whoever removes objects: what a dump names must still be there when
// the files are read, hours later perhaps.

/** Advisory, of a session: held shared while a backup is made, alone while objects are removed. */
export const objectsStayLock = 0x6d617969
