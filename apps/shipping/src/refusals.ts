import { type KitError, refusal } from "@kit/endpoint";

/** Something that is needed was left out. */
export const invalidArgument = (): KitError => refusal("invalid_argument", "invalid argument");

export const unknownCargo = (): KitError => refusal("not_found", "unknown cargo");

export const unknownLocation = (): KitError => refusal("invalid_argument", "unknown location");

export const unknownVoyage = (): KitError => refusal("invalid_argument", "unknown voyage");
