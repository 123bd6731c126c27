Feature: Calls of every protocol

  Scenario: MCP tool
    Given a workflow with definition:
    """yaml
    do:
      - add:
          call: mcp
          with:
            method: tools/call
            parameters: { name: add, arguments: { a: "${ .a }", b: 2 } }
            transport: { http: { endpoint: http://peer.example/mcp } }
          output: { as: .structuredContent }
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sum: 3
    """

  Scenario: MCP list of tools
    Given a workflow with definition:
    """yaml
    do:
      - list:
          call: mcp
          with: { method: tools/list, transport: { http: { endpoint: http://peer.example/mcp } } }
          output: { as: "[.tools[].name]" }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [add, fails]
    """

  Scenario: MCP tool that fails is an error of run time
    Given a workflow with definition:
    """yaml
    do:
      - fails:
          call: mcp
          with:
            method: tools/call
            parameters: { name: fails }
            transport: { http: { endpoint: http://peer.example/mcp } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://open-workflow-specification.org/spec/1.0.0/errors/runtime
    status: 500
    instance: /do/0/fails
    """

  Scenario: A2A message
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            server: http://peer.example/a2a
            parameters: { message: { parts: [{ kind: text, text: "${ .wish }" }] } }
          output: { as: ".message.parts[0].text" }
    """
    And given the workflow input is:
    """yaml
    wish: more
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    heard
    """

  Scenario: A2A error of the agent is an error of run time
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: a2a
          with: { method: tasks/get, server: http://peer.example/a2a, parameters: { id: none } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://open-workflow-specification.org/spec/1.0.0/errors/runtime
    status: 500
    """

  Scenario: gRPC
    Given a workflow with definition:
    """yaml
    do:
      - get:
          call: grpc
          with:
            proto: { endpoint: http://peer.example/cells.proto }
            service: { name: radio.v1.Cells, host: cells.example, port: 50051 }
            method: Get
            arguments: { id: "${ .cell }" }
    """
    And given the workflow input is:
    """yaml
    cell: c1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { id: c1, load: 0.5 }
    """

  Scenario: gRPC stream gives an array
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          call: grpc
          with:
            proto: { endpoint: http://peer.example/cells.proto }
            service: { name: radio.v1.Cells, host: cells.example, port: 50051 }
            method: Watch
          output: { as: "[.[].id]" }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [a, b]
    """

  Scenario: gRPC error is caught by its status
    Given a workflow with definition:
    """yaml
    do:
      - guarded:
          try:
            - get:
                call: grpc
                with:
                  proto: { endpoint: http://peer.example/cells.proto }
                  service: { name: radio.v1.Cells, host: cells.example, port: 50051 }
                  method: Get
                  arguments: { id: none }
          catch:
            as: problem
            do: [{ tell: { set: { at: "${ $problem.instance }" } } }]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    at: /do/0/guarded/try/0/get
    """

  Scenario: AsyncAPI message
    Given a workflow with definition:
    """yaml
    do:
      - tell:
          call: asyncapi
          with:
            document: { endpoint: http://peer.example/alarms.json }
            operation: tellLoad
            message: { payload: { load: "${ .load }" } }
    """
    And given the workflow input is:
    """yaml
    { load: 7, area: north }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    payload: { load: 7 }
    """

  Scenario: AsyncAPI subscription counts what its filter lets through
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          call: asyncapi
          with:
            document: { endpoint: http://peer.example/alarms.json }
            operation: watchLoads
            subscription: { filter: "${ .payload.load > 80 }", consume: { amount: 2 } }
          output: { as: "[.[].payload.load]" }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [90, 95]
    """

  Scenario: AsyncAPI subscription ends before the message that until names
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          call: asyncapi
          with:
            document: { endpoint: http://peer.example/alarms.json }
            operation: watchLoads
            subscription: { consume: { until: "${ .payload.load == 95 }" } }
          output: { as: "[.[].payload.load]" }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [10, 90]
    """

  Scenario: AsyncAPI subscription with foreach is not run
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          call: asyncapi
          with:
            document: { endpoint: http://peer.example/alarms.json }
            operation: watchLoads
            subscription: { consume: { amount: 1 }, foreach: { item: message } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'let a task of kind for go over the output'

  Scenario: An address that is relative is not run
    Given a workflow with definition:
    """yaml
    do:
      - get: { call: http, with: { method: get, endpoint: cells/1 } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'cells/1 is relative'
