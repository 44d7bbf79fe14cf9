namespace go thriftgen

struct SumResponse {
  1: i32 v
  2: string err
}

struct EchoResponse {
  1: string text
}

struct FailResponse {
}

struct WaitResponse {
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
  EchoResponse echo(1: string text)
  FailResponse fail(1: bool coded) throws (1: Coded refused)
  WaitResponse wait(1: string id, 2: i32 ms)
  WaitedResponse waited(1: string id)
  WhoamiResponse whoami()
}
