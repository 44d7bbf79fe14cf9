import { refusal } from "@kit/endpoint";
import type { Address, ProfileService } from "./contract.ts";
import type { Database, Query } from "./database.ts";

const notFound = (): Error => refusal("not_found", "not found");
const alreadyExists = (): Error => refusal("already_exists", "already exists");
const inconsistentIDs = (): Error => refusal("invalid_argument", "inconsistent IDs");

/**
 * The business, with the rules of go-kit's profilesvc. Whatever changes a profile or its addresses begins with a statement on the profile's
 * row, which makes others that change the same profile wait.
 *
 * @see go-kit/examples profilesvc/service.go
 */
export function profileService({ query, transaction }: Database): ProfileService {
  return {
    postProfile: ({ id, name, addresses }) =>
      transaction(async (run) => {
        const made = await run(
          "insert into profiles (id, name) values ($1, $2) on conflict do nothing returning id",
          id,
          name,
        );
        if (made.length === 0) throw alreadyExists();
        await addAddresses(run, id, addresses);
        return {};
      }),

    async getProfile({ profileID }) {
      const rows = await query(profileWithAddresses, profileID);
      if (rows.length === 0) throw notFound();
      const name = rows[0]!["name"]!;
      return { profile: { id: profileID, ...(name !== "" && { name }), ...listed(rows) } };
    },

    putProfile: async ({ profileID, id, name, addresses }) => {
      if (id !== profileID) throw inconsistentIDs();
      return transaction(async (run) => {
        await run(
          "insert into profiles (id, name) values ($1, $2) on conflict (id) do update set name = excluded.name",
          id,
          name,
        );
        await run("delete from addresses where profile_id = $1", id);
        await addAddresses(run, id, addresses);
        return {};
      });
    },

    patchProfile: async ({ profileID, id, name, addresses }) => {
      if (id !== "" && id !== profileID) throw inconsistentIDs();
      return transaction(async (run) => {
        const changed = await run(
          "update profiles set name = coalesce(nullif($1, ''), name) where id = $2 returning id",
          name,
          profileID,
        );
        if (changed.length === 0) throw notFound();
        if (addresses.length > 0) {
          await run("delete from addresses where profile_id = $1", profileID);
          await addAddresses(run, profileID, addresses);
        }
        return {};
      });
    },

    deleteProfile: ({ profileID }) =>
      transaction(async (run) => {
        const gone = await run("delete from profiles where id = $1 returning id", profileID);
        if (gone.length === 0) throw notFound();
        await run("delete from addresses where profile_id = $1", profileID);
        return {};
      }),

    async getAddresses({ profileID }) {
      const rows = await query(profileWithAddresses, profileID);
      if (rows.length === 0) throw notFound();
      return listed(rows);
    },

    async getAddress({ profileID, addressID }) {
      const [row] = await query(
        "select id as address_id, location from addresses where profile_id = $1 and id = $2",
        profileID,
        addressID,
      );
      if (row === undefined) throw notFound();
      return { address: addressOf(row) };
    },

    postAddress: ({ profileID, ...address }) =>
      transaction(async (run) => {
        await touch(run, profileID);
        if ((await addAddress(run, profileID, address)).length === 0) throw alreadyExists();
        return {};
      }),

    deleteAddress: ({ profileID, addressID }) =>
      transaction(async (run) => {
        await touch(run, profileID);
        const gone = await run(
          "delete from addresses where profile_id = $1 and id = $2 returning id",
          profileID,
          addressID,
        );
        if (gone.length === 0) throw notFound();
        return {};
      }),
  };
}

type Rows = Awaited<ReturnType<Query>>;

/** A row for each address; one with none for a profile that has none. */
const profileWithAddresses = `select name, addresses.id as address_id, location
  from profiles left join addresses on profile_id = profiles.id
  where profiles.id = $1 order by position`;

function listed(rows: Rows): { addresses?: Partial<Address>[] & { id: string }[] } {
  const addresses = rows.filter((row) => row["address_id"] !== null).map(addressOf);
  return addresses.length > 0 ? { addresses } : {};
}

function addressOf({ address_id, location }: Rows[number]): { id: string; location?: string } {
  return { id: address_id!, ...(location !== "" && { location: location! }) };
}

/** Makes others that change this profile wait, and finds out whether there is one. */
async function touch(run: Query, profileID: string): Promise<void> {
  if ((await run("update profiles set name = name where id = $1 returning id", profileID)).length === 0)
    throw notFound();
}

async function addAddresses(run: Query, profileID: string, addresses: readonly Address[]): Promise<void> {
  for (const address of addresses) await addAddress(run, profileID, address);
}

/** Adds it behind the others; no row comes back when there is one of that id. */
function addAddress(run: Query, profileID: string, { id, location }: Address): Promise<Rows> {
  return run(
    `insert into addresses (profile_id, id, location, position)
     select $1, $2, $3, coalesce(max(position), 0) + 1 from addresses where profile_id = $1
     on conflict do nothing returning id`,
    profileID,
    id,
    location,
  );
}
