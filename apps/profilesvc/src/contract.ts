import { defineService, type EndpointsOf } from "@kit/service";
import { z } from "zod";

/** What both databases can hold. */
const text = z
  .string()
  .refine((value) => value.isWellFormed() && !value.includes("\0"), "not a text that can be stored");
const id = text.min(1);

const address = z.object({ id, location: text.default("") });
const addresses = z
  .array(address)
  .max(1_000)
  .refine((list) => new Set(list.map((one) => one.id)).size === list.length, "two addresses have the same id")
  .default([]);

/** Empty names, locations and lists are left out of replies, as go-kit's are; whoever reads one finds them again. */
const profile = z.object({ id, name: text.default(""), addresses });

/** What a profile is changed to. Whose it is stands in the path; an id in the body has to be the same. */
const change = profile.extend({ profileID: id, id: text.default("") });

const nothing = z.object({});

/** The service as both sides know it, with the routes of go-kit's profilesvc. */
export const Profiles = defineService("profilesvc", {
  postProfile: { request: profile, response: nothing, http: "POST /profiles/" },
  getProfile: {
    request: z.object({ profileID: id }),
    response: z.object({ profile }),
    http: "GET /profiles/{profileID}",
    idempotent: true,
  },
  putProfile: { request: change, response: nothing, http: "PUT /profiles/{profileID}", idempotent: true },
  patchProfile: { request: change, response: nothing, http: "PATCH /profiles/{profileID}", idempotent: true },
  // Not idempotent: done twice, as by a retry, it answers that there is no such profile.
  deleteProfile: { request: z.object({ profileID: id }), response: nothing, http: "DELETE /profiles/{profileID}" },
  getAddresses: {
    request: z.object({ profileID: id }),
    response: z.object({ addresses: z.array(address).default([]) }),
    http: "GET /profiles/{profileID}/addresses/",
    idempotent: true,
  },
  getAddress: {
    request: z.object({ profileID: id, addressID: id }),
    response: z.object({ address }),
    http: "GET /profiles/{profileID}/addresses/{addressID}",
    idempotent: true,
  },
  postAddress: {
    request: address.extend({ profileID: id }),
    response: nothing,
    http: "POST /profiles/{profileID}/addresses/",
  },
  deleteAddress: {
    request: z.object({ profileID: id, addressID: id }),
    response: nothing,
    http: "DELETE /profiles/{profileID}/addresses/{addressID}",
  },
});

/** Where somebody lives. Its id is unique within the profile. */
export type Address = z.output<typeof address>;

/** The service's methods as a server provides them. */
export type ProfileService = EndpointsOf<typeof Profiles>;
