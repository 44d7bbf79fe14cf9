namespace go thriftgen

struct SumResponse {
  1: i32 v
  2: string err
}

struct WaitedResponse {
  1: string ended
}

struct WhoamiResponse {
  1: string user
  2: string trace
  3: string span
  4: string parent
  5: string sampled
}

exception Coded {
  1: string message
}

service Interop {
  SumResponse sum(1: i32 a, 2: i32 b)
  string echo(1: string text)
  void fail(1: bool coded) throws (1: Coded refused)
  void wait(1: string id, 2: i32 ms)
  WaitedResponse waited(1: string id)
  WhoamiResponse whoami()
}
