/** The tables, made where they are missing. Times are ISO 8601 in UTC, which sort as texts; an itinerary is JSON. Events of one time keep the order in which they came. */
export const schema: readonly string[] = [
  `create table if not exists cargos (
     tracking_id text primary key, origin text not null, destination text not null, arrival_deadline text not null, itinerary text not null)`,
  `create table if not exists handling_events (
     tracking_id text not null references cargos, position integer not null, type text not null, location text not null, voyage text not null,
     completed_at text not null, primary key (tracking_id, position))`,
];
