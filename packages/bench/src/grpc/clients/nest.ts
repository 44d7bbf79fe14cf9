import { type ClientGrpc, ClientProxyFactory } from "@nestjs/microservices";
import { firstValueFrom, type Observable } from "rxjs";
import { nestOptions } from "../nest.ts";
import { request } from "../sum.ts";

interface Add {
  sum(message: { readonly a: number; readonly b: number }): Observable<{ readonly v: number }>;
}

export function makeClient(address: string): () => Promise<{ readonly v: number }> {
  const client = ClientProxyFactory.create(nestOptions(address)) as unknown as ClientGrpc;
  const add = client.getService<Add>("Add");
  return () => firstValueFrom(add.sum(request));
}
