// What @kit/conformance/transport calls. Any JSON value crosses as JSON in a string.
struct Info {
  1: string svc
  2: string method
  3: string transport
}

struct Carried {
  1: optional string value
}

service Suite {
  string echo(1: string value)
  i32 add(1: i32 a, 2: i32 b)
  void fail(1: string failure)
  void unknownError(1: string message)
  string slow(1: string id)
  Carried carried(1: string key)
  Info callInfo()
}
