// One of everything that an IDL can say.
enum Colour {
  RED = 1
  BLUE = 2
}

union Id {
  1: i32 number
  2: string name
}

struct Animal {
  1: required string name
  2: optional i64 weight
  3: optional Colour colour
  4: list<bool> flags
  5: set<string> tags
  6: map<i64, string> days
  7: binary blob
  8: double size
  9: optional list<Animal> young
  10: optional Id id
  11: i8 small
  12: i16 short
  13: bool alive = 1
}

exception NotFound {
  1: string name
  2: i32 looked
}

exception Closed {
  1: string reopens
}

service House {
  void ping()
}

service Zoo extends House {
  Animal feed(2: Animal animal, 1: list<i64> amounts, 3: Colour colour = Colour.RED) throws (1: NotFound notFound, 2: Closed closed)
  i64 count(1: i64 n)
  bool open()
  void fail(1: string name) throws (1: NotFound notFound)
  oneway void note(1: string line)
}
