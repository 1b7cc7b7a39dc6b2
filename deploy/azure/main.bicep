// All of the bot's side of Azure, in one resource group; docs/deploying.md says how to use it.
// main.json beside it is the same as an ARM template: tests/deploy/test_azure.py keeps both in step.

@description('Where it stands. Communication Services keep their data in dataLocation.')
param location string = resourceGroup().location

@description('The beginning of the names.')
param name string = 'smsbot'

@description('Where Communication Services keep data at rest.')
param dataLocation string = 'Europe'

@description('The image of the bot, in a registry that may be read.')
param image string

@description('Whether Event Grid delivers to the bot: false for the first deployment, true once the bot answers.')
param subscribe bool = false

@allowed([
  'secret'
  'entra'
  'pull'
])
@description('How events come: to the bot\'s address with a secret, or with a token of Microsoft Entra ID, or by a storage queue that the bot reads, which then has no public address.')
param delivery string = 'secret'

@description('With entra: the tenant that signs.')
param entraTenant string = ''

@description('With entra: the application that Event Grid\'s token is made for, as its GUID or its URI.')
param entraAudience string = ''

@secure()
@description('What Event Grid shows to deliver; at least 16 characters.')
param webhookSecret string

@secure()
@description('Who may edit; at least 16 characters.')
param adminToken string

@secure()
@description('Of the database\'s administrator; letters and digits, as it stands in an address.')
param databasePassword string

resource communication 'Microsoft.Communication/communicationServices@2023-04-01' = {
  name: '${name}-sms'
  location: 'global'
  properties: {
    dataLocation: dataLocation
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: '${name}-vault'
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
  }
}

// What lets events in: the queue with the key to it, or what Event Grid has to show.
resource eventsSecretInVault 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'events'
  properties: {
    value: delivery == 'pull' ? 'storage:DefaultEndpointsProtocol=https;AccountName=${storage.name};AccountKey=${storage.listKeys().keys[0].value};EndpointSuffix=core.windows.net;queue=sms-events' : webhookSecret
  }
}

resource adminTokenInVault 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'admin-token'
  properties: {
    value: adminToken
  }
}

resource databaseUrlInVault 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'database-url'
  properties: {
    value: 'postgresql+asyncpg://bot:${databasePassword}@${server.properties.fullyQualifiedDomainName}/bot?ssl=require'
  }
}

// Key Vault Secrets User
resource mayReadSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, 'secrets-user')
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')
  }
}

// Contributor of the Communication Services resource: what sending SMS with a managed identity takes.
resource maySend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(communication.id, identity.id, 'contributor')
  scope: communication
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b24988ac-6180-42a0-ab88-20f7382dd24c')
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: '${name}-db'
  location: location
  sku: {
    name: 'Standard_B1ms'
    tier: 'Burstable'
  }
  properties: {
    version: '17'
    administratorLogin: 'bot'
    administratorLoginPassword: databasePassword
    storage: {
      storageSizeGB: 32
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 14
      geoRedundantBackup: 'Disabled'
    }
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: 'bot'
  properties: {}
}

// The services of Azure alone, whoever's they are; a virtual network is the stricter way.
resource fromAzure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = {
  parent: server
  name: 'from-azure'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    retentionInDays: 30
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: '${name}-environment'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

resource app 'Microsoft.App/containerApps@2024-03-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: delivery != 'pull'
        targetPort: 8000
        transport: 'http'
        allowInsecure: false
      }
      secrets: [
        {
          name: 'events'
          keyVaultUrl: eventsSecretInVault.properties.secretUri
          identity: identity.id
        }
        {
          name: 'admin-token'
          keyVaultUrl: adminTokenInVault.properties.secretUri
          identity: identity.id
        }
        {
          name: 'database-url'
          keyVaultUrl: databaseUrlInVault.properties.secretUri
          identity: identity.id
        }
      ]
    }
    template: {
      initContainers: [
        {
          name: 'upgrade'
          image: image
          args: [
            'db'
            'upgrade'
          ]
          env: [
            {
              name: 'BOT_DATABASE_URL'
              secretRef: 'database-url'
            }
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
        }
      ]
      containers: [
        {
          name: 'bot'
          image: image
          env: [
            {
              name: 'BOT_ACS_ENDPOINT'
              value: 'https://${communication.properties.hostName}'
            }
            {
              name: 'AZURE_CLIENT_ID'
              value: identity.properties.clientId
            }
            {
              name: delivery == 'pull' ? 'BOT_EVENTS_QUEUE' : 'BOT_WEBHOOK_SECRETS'
              secretRef: 'events'
            }
            {
              name: 'BOT_ENTRA_TENANT'
              value: entraTenant
            }
            {
              name: 'BOT_ENTRA_AUDIENCE'
              value: entraAudience
            }
            // TLS ends at the environment's ingress: with https here the console's cookie is Secure.
            {
              name: 'BOT_PUBLIC_URL'
              value: 'https://${name}${delivery == 'pull' ? '.internal' : ''}.${environment.properties.defaultDomain}'
            }
            {
              name: 'BOT_ADMIN_TOKEN'
              secretRef: 'admin-token'
            }
            {
              name: 'BOT_DATABASE_URL'
              secretRef: 'database-url'
            }
          ]
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/health/live'
                port: 8000
              }
              periodSeconds: 5
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/health/live'
                port: 8000
              }
              periodSeconds: 30
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/health/ready'
                port: 8000
              }
              periodSeconds: 10
            }
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
        }
      ]
      // Never none: what is queued leaves, and follow-ups are said, while nobody texts.
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
  dependsOn: [
    database
    fromAzure
    maySend
    mayReadSecrets
  ]
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take('${replace(toLower(name), '-', '')}${uniqueString(resourceGroup().id)}', 24)
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    allowBlobPublicAccess: false
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'dead-letters'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = if (delivery == 'pull') {
  parent: queues
  name: 'sms-events'
}

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: '${name}-events'
  location: 'global'
  properties: {
    source: communication.id
    topicType: 'Microsoft.Communication.CommunicationServices'
  }
}

resource subscription_ 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = if (subscribe && delivery != 'pull') {
  parent: topic
  name: 'bot'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.configuration.ingress.fqdn}/events${delivery == 'secret' ? '?code=${uriComponent(webhookSecret)}' : ''}'
        azureActiveDirectoryTenantId: delivery == 'entra' ? entraTenant : null
        azureActiveDirectoryApplicationIdOrUri: delivery == 'entra' ? entraAudience : null
        maxEventsPerBatch: 100
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.Communication.SMSReceived'
        'Microsoft.Communication.SMSDeliveryReportReceived'
      ]
    }
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
    deadLetterDestination: {
      endpointType: 'StorageBlob'
      properties: {
        resourceId: storage.id
        blobContainerName: 'dead-letters'
      }
    }
  }
  dependsOn: [
    deadLetters
  ]
}

resource queueSubscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = if (subscribe && delivery == 'pull') {
  parent: topic
  name: 'bot-queue'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    destination: {
      endpointType: 'StorageQueue'
      properties: {
        resourceId: storage.id
        queueName: 'sms-events'
        // A week: what lies longer in the queue is lost.
        queueMessageTimeToLiveInSeconds: 604800
      }
    }
    filter: {
      includedEventTypes: [
        'Microsoft.Communication.SMSReceived'
        'Microsoft.Communication.SMSDeliveryReportReceived'
      ]
    }
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
    deadLetterDestination: {
      endpointType: 'StorageBlob'
      properties: {
        resourceId: storage.id
        blobContainerName: 'dead-letters'
      }
    }
  }
  dependsOn: [
    deadLetters
    queue
  ]
}

output endpoint string = 'https://${app.properties.configuration.ingress.fqdn}'
