Feature: Functions, catalogues, secrets and schemas

  Scenario: a function of the document
    Given a workflow with definition:
    """yaml
    use:
      functions:
        greet:
          input: { schema: { document: { type: object, required: [name] } } }
          set: { text: '${ "hello " + .name }' }
    do:
      - hello: { call: greet, with: { name: "${ .who }" } }
    """
    And given the workflow input is:
    """yaml
    who: ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: hello ada
    """

  Scenario: a function of the runtime
    Given a workflow with definition:
    """yaml
    do:
      - two: { call: "double:1.0.0@default", with: { n: "${ .n }" } }
    """
    And given the workflow input is:
    """yaml
    n: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    twice: 8
    """

  Scenario: a function of a catalogue, with another in it
    Given a workflow with definition:
    """yaml
    use: { catalogs: { shared: { endpoint: { uri: http://catalogue.example } } } }
    do:
      - hello: { call: "greet:1.0.0@shared", with: { name: "${ .who }" } }
    """
    And a catalogue with the function 'greet/1.0.0':
    """yaml
    do: [{ loud: { call: "shout:2.1.0@shared", with: { text: "${ .name }" } } }]
    """
    And a catalogue with the function 'shout/2.1.0':
    """yaml
    set: { text: "${ .text | ascii_upcase }" }
    """
    And given the workflow input is:
    """yaml
    who: ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: ADA
    """
    And loud should run once

  Scenario: a function by its address
    Given a workflow with definition:
    """yaml
    do:
      - hello: { call: http://catalogue.example/functions/greet/1.0.0/function.yaml, with: { name: ada } }
    """
    And a catalogue with the function 'greet/1.0.0':
    """yaml
    set: { text: "${ .name }" }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: ada
    """

  Scenario: a function of a catalogue that runs a shell
    Given a workflow with definition:
    """yaml
    use: { catalogs: { shared: { endpoint: http://catalogue.example } } }
    do:
      - hello: { call: "greet:1.0.0@shared" }
    """
    And a catalogue with the function 'greet/1.0.0':
    """yaml
    run: { shell: { command: ls } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'shell commands are off'

  Scenario: functions that call each other
    Given a workflow with definition:
    """yaml
    use:
      functions: { a: { call: b }, b: { call: a } }
    do:
      - one: { call: a }
    """
    When the workflow is executed
    Then the workflow should be refused since 'calls itself'

  Scenario: secrets are credentials
    Given a workflow with definition:
    """yaml
    use:
      secrets: [login]
      authentications: { mine: { basic: { use: login } } }
    do:
      - who:
          call: http
          with: { method: get, endpoint: { uri: http://peer.example/whoami, authentication: { use: mine } } }
          output: { as: $authorization.scheme }
    """
    And the secret 'login' is:
    """yaml
    { username: me, password: hunter2 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    Basic
    """

  Scenario: secrets are no data
    Given a workflow with definition:
    """yaml
    use: { secrets: [login] }
    do:
      - leak: { set: { a: "${ $secrets.login }" } }
    """
    And the secret 'login' is:
    """yaml
    x
    """
    When the workflow is executed
    Then the workflow should be refused since 'secrets are read by if, input.from and authentication alone'

  Scenario: a secret that is not there
    Given a workflow with definition:
    """yaml
    use: { secrets: [login] }
    do:
      - one: { set: { a: 1 } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'there is no secret "login" here'

  Scenario: a schema of the input
    Given a workflow with definition:
    """yaml
    input: { schema: { document: { type: object, required: [cell] } } }
    do:
      - one: { set: { a: 1 } }
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { type: https://open-workflow-specification.org/spec/1.0.0/errors/validation, status: 400, instance: /input }
    """
    And one should not run

  Scenario: a schema from elsewhere
    Given a workflow with definition:
    """yaml
    do:
      - one:
          output: { schema: { resource: { endpoint: "http://peer.example/schema/{kind}" } } }
          set: { b: 1 }
    """
    And given the workflow input is:
    """yaml
    kind: cell
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 400, instance: /do/0/one }
    """

  Scenario: the context goes on, and only export changes it
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { a: 1 }, export: { as: { seen: "${ .a }", before: "${ $context }" } } }
      - two: { set: { b: 2 }, output: { as: "{ b, seen: $context.seen }" } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { b: 2, seen: 1 }
    """
