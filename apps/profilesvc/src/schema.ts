/** The tables, made where they are missing. Addresses keep the order in which they came. */
export const schema: readonly string[] = [
  "create table if not exists profiles (id text primary key, name text not null)",
  `create table if not exists addresses (
     profile_id text not null, id text not null, location text not null, position integer not null,
     primary key (profile_id, id))`,
];
